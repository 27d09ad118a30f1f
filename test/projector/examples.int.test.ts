import { expect, test } from 'vitest';
import { projections } from '../../projections/index.js';
import { blocksOf, document, section } from '../docs/markdown.js';
import { openSite, type Site } from '../worker/site.js';
import { live, startWorkers } from './workload.js';

/** The documents' queries of the shipped read models, on a ledger with a bit of everything. */
async function examples(): Promise<{ site: Site; queries: readonly string[] }> {
  const site = await openSite();
  await startWorkers(site);
  const endings = ['well', 'fail', 'fatal', 'later', 'snooze'] as const;
  await live(
    site,
    endings.map((ending) => ({ does: 'enqueue', ending, count: 9, delay: 0 })),
  );
  await site.ledger.enqueue('well', {}, { delay: 3_600_000 });
  const projector = site.ledger.projector({ projections });
  await projector.catchUp();
  await projector.stop();
  const text = section(document('docs/projections.md'), 'The shipped read models');
  const blocks = blocksOf('docs/projections.md', text);
  return { site, queries: blocks.map((block) => block.text) };
}

test('the documents list every shipped read model, with queries that find something', async () => {
  const { site, queries } = await examples();
  const text = section(document('docs/projections.md'), 'The shipped read models');
  const listed = [...text.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]!);
  expect(listed.sort()).toEqual(projections.map(({ name }) => name).sort());
  expect(queries.length).toBeGreaterThan(projections.length);
  for (const query of queries) expect(await site.sql(query)).not.toEqual([]);
  const named = (query: string) => queries.find((one) => one.includes(query))!;
  await countsAddUp(site, named('as to_do'));
  await percentilesAgree(site, named('as p95_ms'));
});

async function countsAddUp({ ledger, sql }: Site, query: string): Promise<void> {
  const { states } = await ledger.stats();
  const { scheduled, available, running, retrying } = states;
  const [row] = await sql<{ to_do: string; running: string }>(query);
  expect({ toDo: Number(row!.to_do), running: Number(row!.running) }).toEqual({
    toDo: scheduled + available + running + retrying,
    running,
  });
}

/** The class's upper end is the first at or above the exact one. */
async function percentilesAgree({ sql }: Site, query: string): Promise<void> {
  const estimated = await sql<{ minute: Date; kind: string; p95_ms: number }>(query);
  const exact = await sql<{ minute: Date; kind: string; p95: number }>(
    `select date_trunc('minute', ended_at) as minute, kind,
        percentile_disc(0.95) within group (order by run_ms) as p95
      from jobledger.attempts where run_ms is not null group by 1, 2 order by 1, 2`,
  );
  const classes = [0, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
  const of = (ms: number) => classes.find((le) => ms <= le);
  expect(estimated.map(({ minute, kind, p95_ms }) => [minute, kind, p95_ms])).toEqual(
    exact.map(({ minute, kind, p95 }) => [minute, kind, Math.max(1, of(p95)!)]),
  );
}
