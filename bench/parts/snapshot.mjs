import pg from 'pg';
import { percentile } from '../lib/numbers.mjs';
import { countStarted, pacedRun, windows } from '../lib/paced.mjs';

const RATE = 500;
const WINDOWS = 6;

/** The same while a stranger's old snapshot keeps every dead row from being cleaned up. */
export const part = {
  name: 'snapshot',
  title: '500 jobs/s for two minutes under a held REPEATABLE READ snapshot, by windows of 20 s',
  prompt: true,
  rows: [
    ...Array.from({ length: WINDOWS }, (_, index) => [
      { key: `p50of${index + 1}`, title: `window ${index + 1}, p50 ms`, digits: 2 },
      { key: `p99of${index + 1}`, title: `window ${index + 1}, p99 ms`, digits: 2 },
    ]).flat(),
    { key: 'growth', title: 'p50 of the last window ÷ the first', digits: 2, plain: true },
    { key: 'rate', title: 'begun, jobs/s' },
    { key: 'postgres', title: 'CPU of Postgres, % of a core' },
    { key: 'megabytes', title: 'database at the end, MB', digits: 1 },
  ],

  async run(stage) {
    const seconds = stage.scaled(120, 3);
    const holder = new pg.Client({ connectionString: stage.database });
    await holder.connect();
    try {
      const before = () => hold(holder);
      const warmSeconds = stage.scaled(2, 0.5);
      const ran = await pacedRun(stage, { rate: RATE, seconds, warmSeconds, before });
      return { ...figuresOf(ran, seconds), megabytes: await megabytes(stage) };
    } finally {
      await holder.end();
    }
  },
};

/** A snapshot is taken by the first statement, not by `begin`. */
async function hold(holder) {
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from pg_class');
}

function figuresOf(ran, seconds) {
  const all = windows(ran, { count: WINDOWS, seconds });
  const medians = all.map((numbers) => percentile(numbers, 0.5));
  const figures = {};
  for (const [index, numbers] of all.entries()) {
    figures[`p50of${index + 1}`] = medians[index];
    figures[`p99of${index + 1}`] = percentile(numbers, 0.99);
  }
  const { cpu } = ran;
  return {
    ...figures,
    growth: medians.at(-1) === null ? null : medians.at(-1) / medians[0],
    rate: countStarted(ran) / seconds,
    postgres: cpu.postgres === null ? null : (cpu.postgres * 100) / cpu.seconds,
  };
}

async function megabytes(stage) {
  const { rows } = await stage.admin.query(
    'select pg_database_size(current_database())::float8 / 1e6 as megabytes',
  );
  return rows[0].megabytes;
}
