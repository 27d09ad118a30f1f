import { expect, test } from 'vitest';
import { column, defineProjection, type Projection } from 'jobledger';
import { jobs } from '../../projections/jobs.js';
import { eventually } from '../support/eventually.js';
import { inState, job, openSite, type Site } from '../worker/site.js';

const by = { actor: 'ada', reason: 'test' };

/** Jobs in every state that a job can come to rest in. */
async function populate(site: Site): Promise<readonly string[]> {
  const { ledger, start } = site;
  const good = job('good', () => 1);
  const bad = job('bad', () => Promise.reject(new Error('no')), { maxAttempts: 2 });
  await start({ jobs: [good, bad] });
  const made = await ledger.enqueueMany([
    ...Array.from({ length: 30 }, (_, n) => ({ job: good, payload: n })),
    ...Array.from({ length: 10 }, (_, n) => ({ job: bad, payload: n, tenant: 'acme' })),
    ...Array.from({ length: 10 }, (_, n) => ({ job: good, payload: n, delay: 3_600_000 })),
  ]);
  const ids = made.map(({ id }) => id);
  for (const id of ids.slice(0, 30)) await inState(ledger, id, 'succeeded');
  for (const id of ids.slice(30, 40)) await inState(ledger, id, 'failed');
  await ledger.retry(ids[30]!, by);
  await eventually(async () => expect((await ledger.get(ids[30]!))?.attempt).toBe(3));
  await inState(ledger, ids[30]!, 'failed');
  await ledger.discard(ids[31]!, by);
  await ledger.cancel(ids[40]!, by);
  await ledger.reprioritize(ids[41]!, { ...by, priority: 7 });
  return ids;
}

/** Rows of the view that say other than the ledger does. */
async function wrong({ ledger, sql }: Site, ids: readonly string[]): Promise<unknown[]> {
  const rows = await sql<{ id: string }>('select * from jobledger.jobs order by id');
  expect(rows.map(({ id }) => id)).toEqual([...ids].sort());
  const differences: unknown[] = [];
  for (const row of rows) {
    const found = (await ledger.get(row.id))!;
    const { state, version, attempt, counted, priority, maxAttempts, previousError } = found;
    const error = found.state === 'succeeded' ? null : (previousError?.message ?? null);
    const said = { state, version, attempt, counted, priority, max_attempts: maxAttempts, error };
    try {
      expect(row).toMatchObject(said);
    } catch {
      differences.push({ row, said });
    }
  }
  return differences;
}

test('the jobs read model says what the ledger says', async () => {
  const site = await openSite();
  const ids = await populate(site);
  const projector = site.ledger.projector({ projections: [jobs] });
  expect(await projector.catchUp()).toBeGreaterThan(150);
  expect(await wrong(site, ids)).toEqual([]);
  expect(await projector.catchUp()).toBe(0);
  await projector.stop();
});

test('a running projector follows, and another takes over where it stopped', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  const count = async () =>
    (await sql<{ n: number }>('select count(*)::int as n from jobledger.jobs'))[0]!.n;
  const first = ledger.projector({ projections: [jobs] });
  await first.start();
  const ids = await populate(site);
  await eventually(async () => expect(await count()).toBe(50));
  await first.stop();
  const { id } = await ledger.enqueue('late', {});
  const second = (await site.open()).projector({ projections: [jobs] });
  await second.start();
  await eventually(async () => expect(await count()).toBe(51));
  await eventually(async () => expect(await wrong(site, [...ids, id])).toEqual([]));
  await second.stop();
});

test('two projectors at once apply each event once', async () => {
  const site = await openSite();
  const counter = counting(1);
  const one = site.ledger.projector({ projections: [counter] });
  const other = (await site.open()).projector({ projections: [counter] });
  await Promise.all([one.start(), other.start()]);
  for (let n = 0; n < 20; n++) {
    await site.ledger.enqueueMany(Array.from({ length: 20 }, () => ({ job: 'k', payload: n })));
    if (n === 10) await one.stop();
  }
  const jobsCounted = async () =>
    (await site.sql<{ jobs: number }>('select jobs::int from jobledger.by_kind'))[0]?.jobs;
  await eventually(async () => expect(await jobsCounted()).toBe(400));
  await other.stop();
});

test('a new version is built beside the one that is served, and takes its place', async () => {
  const site = await openSite();
  const ids = await populate(site);
  const old = site.ledger.projector({ projections: [jobs] });
  await old.catchUp();
  const wider: Projection = { ...jobs, version: 2, view: {} };
  const both = site.ledger.projector({ projections: [jobs, wider] });
  await old.stop();
  await both.catchUp();
  const states = await site.sql(
    `select version, state from jobledger.projections where name = 'jobs' order by version`,
  );
  expect(states).toEqual([
    { version: 1, state: 'retired' },
    { version: 2, state: 'live' },
  ]);
  expect(await wrong(site, ids)).toEqual([]);
  await both.stop();
});

test('an older version never takes the place of a newer one', async () => {
  const site = await openSite();
  await site.ledger.enqueue('k', 1);
  const projector = site.ledger.projector({ projections: [counting(2), counting(1)] });
  await projector.catchUp();
  await site.ledger.enqueue('k', 2);
  await projector.catchUp();
  const states = await site.sql(
    'select version, state from jobledger.projections order by version',
  );
  expect(states).toEqual([
    { version: 1, state: 'building' },
    { version: 2, state: 'live' },
  ]);
  expect(await site.sql('select jobs::int from jobledger.by_kind')).toEqual([{ jobs: 2 }]);
  await projector.stop();
});

test('a projector that dies is taken over once its lease is over', async () => {
  const site = await openSite();
  const count = async () =>
    (await site.sql<{ jobs: number }>('select jobs::int from jobledger.by_kind'))[0]?.jobs;
  await site.ledger.enqueue('k', 1);
  const dead = site.ledger.projector({ projections: [counting(1)] });
  await dead.catchUp();
  await site.ledger.enqueue('k', 2);
  const heir = (await site.open()).projector({ projections: [counting(1)] });
  expect(await heir.catchUp()).toBe(0);
  await site.sql(`update jobledger.projections set lease_until = clock_timestamp()`);
  expect(await heir.catchUp()).toBe(1);
  await site.ledger.enqueue('k', 3);
  // It does not know yet that it was given up: what it sends is refused.
  await dead.catchUp();
  expect(await count()).toBe(2);
  await heir.catchUp();
  expect(await count()).toBe(3);
});

test('columns that have changed without a new version are refused', async () => {
  const site = await openSite();
  const counter = counting(1);
  await site.ledger.projector({ projections: [counter] }).catchUp();
  const other = { ...counter, columns: { ...counter.columns, more: column.text } };
  const changed = site.ledger.projector({ projections: [other] });
  await expect(changed.start()).rejects.toThrow(
    /by-kind: its columns have changed; raise its version/,
  );
  expect(() => site.ledger.projector({ projections: [counter, counter] })).toThrow(
    /by-kind 1 is there twice/,
  );
});

test('a job that a read model cannot take is parked, and nothing else waits for it', async () => {
  const site = await openSite();
  const counter = counting(1);
  const fragile: Projection = {
    ...counter,
    name: 'fragile',
    fold: (row, event, ...rest) => {
      if (event.kind === 'bad') throw new Error('poison');
      return counter.fold(row, event, ...rest);
    },
  };
  const projector = site.ledger.projector({ projections: [fragile, counter] });
  await projector.start();
  await site.ledger.enqueue('k', 1);
  const { id } = await site.ledger.enqueue('bad', 1);
  await site.ledger.enqueue('k', 1);
  const count = async (view: string) =>
    (await site.sql(`select kind, jobs::int from jobledger.${view} order by kind`)) as object[];
  await eventually(async () =>
    expect(await count('by_kind')).toEqual([
      { kind: 'bad', jobs: 1 },
      { kind: 'k', jobs: 2 },
    ]),
  );
  await eventually(async () => expect(await count('fragile')).toEqual([{ kind: 'k', jobs: 2 }]));
  expect(await site.sql('select job_id, event_type, error from jobledger.parked')).toEqual([
    { job_id: id, event_type: 'JobEnqueued', error: 'poison' },
  ]);
  await projector.stop();
});

test('readers never see fewer rows while a new version is built and served', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  const [old, wider] = [counting(1), counting(2)];
  const first = ledger.projector({ projections: [old] });
  await first.start();
  let stopped = false;
  const enqueueing = (async () => {
    while (!stopped)
      await ledger.enqueueMany(Array.from({ length: 50 }, () => ({ job: 'k', payload: 0 })));
  })();
  const seen: number[] = [];
  const jobsSeen = async () =>
    (await sql<{ jobs: number }>('select jobs::int from jobledger.by_kind'))[0]?.jobs ?? 0;
  await eventually(async () => expect(await jobsSeen()).toBeGreaterThan(1_000));
  const second = (await site.open()).projector({ projections: [wider] });
  await second.start();
  const isServed = async () =>
    (await sql(`select from jobledger.projections where version = 2 and state = 'live'`)).length ===
    1;
  while (!(await isServed())) seen.push(await jobsSeen());
  for (let n = 0; n < 20; n++) seen.push(await jobsSeen());
  stopped = true;
  await enqueueing;
  expect(seen).toEqual([...seen].sort((one, other) => one - other));
  const [{ events } = { events: 0 }] = await sql<{ events: number }>(
    `select count(*)::int as events from jobledger.events where type = 'JobEnqueued'`,
  );
  await eventually(async () => expect(await jobsSeen()).toBe(events));
  await Promise.all([first.stop(), second.stop()]);
});

function counting(version: number): Projection {
  return defineProjection({
    name: 'by-kind',
    version,
    columns: { kind: column.text, jobs: column.bigint },
    key: ['kind'],
    rows: ({ kind }) => ({ kind }),
    on: { JobEnqueued: (row, { kind }) => ({ kind, jobs: (row?.jobs ?? 0) + 1 }) },
  });
}
