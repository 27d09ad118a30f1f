import { drain, fill } from '../lib/drain.mjs';

/** What a job costs on the disk and in the write-ahead log. */
export const part = {
  name: 'size',
  title: 'bytes per job of 200 bytes, 100,000 jobs',
  rows: [
    { key: 'storedQueued', title: 'stored, queued' },
    { key: 'storedFinished', title: 'stored, finished and vacuumed' },
    { key: 'walEnqueue', title: 'WAL, enqueue' },
    { key: 'walRun', title: 'WAL, run' },
    { key: 'wal', title: 'WAL, both' },
  ],

  async run(stage) {
    const count = stage.count(100_000, 1_000);
    const empty = await measure(stage);
    await fill(stage, { count });
    const filledAt = await position(stage);
    const queued = await measure(stage);
    await drain(stage, { count });
    const drainedAt = await position(stage);
    const finished = await measure(stage);
    const walEnqueue = (filledAt - empty.position) / count;
    const walRun = (drainedAt - queued.position) / count;
    return {
      storedQueued: (queued.bytes - empty.bytes) / count,
      storedFinished: (finished.bytes - empty.bytes) / count,
      walEnqueue,
      walRun,
      wal: walEnqueue + walRun,
    };
  },
};

/** Vacuumed first: rows that are only waiting for that are nobody's history. */
async function measure(stage) {
  await stage.settle();
  const { rows } = await stage.admin.query(
    'select pg_database_size(current_database())::float8 as bytes',
  );
  return { bytes: rows[0].bytes, position: await position(stage) };
}

async function position(stage) {
  const { rows } = await stage.admin.query(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as position`,
  );
  return rows[0].position;
}
