import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { column, defineProjection, type Ledger, type Projection } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { startProxy } from '../support/proxy.js';
import { openSite, type Site } from '../worker/site.js';
import { counting } from './counting.js';

/** A row for each job: many of them are copied, few are inserted. */
export const states = (version: number): Projection =>
  defineProjection({
    name: 'states',
    version,
    columns: { id: column.uuid, state: column.text },
    key: ['id'],
    job: 'id',
    indexes: [['state']],
    on: (_, { streamId }, { state }) => ({ id: streamId, state }),
  });

const OLD = [counting(1), states(1)];
const BOTH = [...OLD, counting(2), states(2)];

export interface Crashes {
  readonly jobs: number;
  /** With `before` too: whether the step in hand was not even begun. */
  /** Every so manieth step only. */
  readonly every?: number;
  readonly whens: readonly ('before' | 'after')[];
}

/**
 * A first version is built and shown, then a second one takes its place; again and again, the projector
 * killed one step later each time, and another goes on. Gives how often it was killed.
 */
export async function crashAtSteps({ jobs, whens, every = 1 }: Crashes): Promise<number> {
  const site = await openSite({ partitions: 2 });
  await fill(site, jobs);
  const proxy = await startProxy(site.url);
  const mortal = await site.open({ database: proxy.url });
  const reader = watch(site, jobs);
  let deaths = 0;
  for (let step = 1, came = true; came; step += every)
    for (const when of whens) {
      await forget(site);
      const fate = proxy.shutAt(step, when);
      await run(mortal, OLD)
        .then(() => run(mortal, BOTH))
        .catch(() => {});
      came = fate.came;
      deaths += Number(came);
      proxy.open();
      await takeOver(site, jobs);
      expect(reader.wrong, `step ${step}, ${when}`).toEqual([]);
    }
  expect(reader.looks).toBeGreaterThan(deaths);
  return deaths;
}

/** Both partitions alike: the last byte of an id says which it is in. */
async function fill({ ledger, sql }: Site, jobs: number): Promise<void> {
  const items = Array.from({ length: jobs }, (_, at) => {
    const id = `${randomUUID().slice(0, 34)}0${at % 2}`;
    return { job: `k${at % 3}`, payload: 0, id };
  });
  await ledger.enqueueMany(items);
  const counts = await sql('select count(*)::int from jobledger.events group by partition');
  expect(counts).toEqual([{ count: jobs / 2 }, { count: jobs / 2 }]);
}

export async function run(ledger: Ledger, projections: readonly Projection[]): Promise<void> {
  const projector = ledger.projector({ projections });
  try {
    await projector.catchUp();
  } finally {
    await projector.stop();
  }
}

/** Drops every read model. */
export async function forget({ sql }: Site): Promise<void> {
  // Views first, as readers lock them.
  await sql('drop view if exists jobledger.by_kind, jobledger.states');
  const tables = await sql<{ name: string }>(
    `select format('jobledger.%I', table_name) as name from jobledger.projections`,
  );
  for (const { name } of tables) await sql(`drop table if exists ${name}`);
  await sql('delete from jobledger.projections');
}

async function takeOver({ ledger, sql }: Site, jobs: number): Promise<void> {
  const heir = ledger.projector({ projections: BOTH });
  const models = ledger.projections({ projections: BOTH });
  const isDone = { state: 'live', lagEvents: 0, trouble: null };
  await eventually(async () => {
    await sql('update jobledger.projections set lease_until = clock_timestamp()');
    await heir.catchUp();
    const status = await models.status();
    expect(status.filter(({ version }) => version === 2)).toMatchObject([isDone, isDone]);
  });
  expect(await models.verify()).toMatchObject([
    { name: 'by-kind', version: 2, verified: true, rows: 3, parked: 0 },
    { name: 'states', version: 2, verified: true, rows: jobs, parked: 0 },
  ]);
  await heir.stop();
}

/** Looks at the views again and again: once they are there, all jobs are. */
function watch({ sql }: Site, jobs: number) {
  const seen = { wrong: [] as unknown[], looks: 0 };
  let ended = false;
  const look = async (view: string, count: string) => {
    const text = `select ${count}::int as jobs from jobledger.${view}`;
    const found = await sql<{ jobs: number }>(text).catch((error: { code?: string }) => {
      if (error.code !== '42P01') seen.wrong.push(error);
      return [];
    });
    seen.looks += found.length;
    seen.wrong.push(...found.filter((one) => one.jobs !== jobs));
  };
  const looking = (async () => {
    while (!ended) {
      await look('by_kind', 'sum(jobs)');
      await look('states', 'count(*)');
    }
  })();
  onTestFinished(async () => {
    ended = true;
    await looking;
  });
  return seen;
}
