import { expect, test } from 'vitest';
import { column, defineProjection } from '../../src/index.js';
import { jobStates } from '../../projections/job-states.js';
import { project } from '../query/populate.js';
import { openSite, type Site } from '../worker/site.js';

const ago = { agoMs: 0 };

async function projected({ ledger }: Site, projection = jobStates): Promise<void> {
  const projector = ledger.projector({ projections: [projection] });
  await projector.catchUp();
  await projector.stop();
}

test('a time that cannot be, or has not come, is refused by name', async () => {
  const { ledger } = await openSite();
  const { id } = await ledger.enqueue('k', 1);
  const refused = [
    [new Date(Date.now() + 60_000), /^asOf: expected a time that has passed, got .*; it is /],
    ['2026-11-21 10:00', /^asOf: expected a valid Date or ISO 8601 text with a zone/],
    [new Date(NaN), /^asOf: expected a valid Date/],
    [null, /^asOf: expected a valid Date/],
    [{ agoMs: -1 }, /^asOf.agoMs: expected milliseconds from 0/],
    [{ agoMs: '5' }, /^asOf.agoMs: expected milliseconds from 0/],
  ] as const;
  for (const [asOf, message] of refused) {
    const given = { asOf: asOf as Date };
    for (const ask of [
      () => ledger.get(id, given),
      () => ledger.history(id, given),
      () => ledger.list(given),
      () => ledger.count(given),
      () => ledger.stats(given),
      () => ledger.instant(given.asOf),
    ])
      await expect(ask()).rejects.toMatchObject({
        code: 'BAD_INPUT',
        message: expect.stringMatching(message) as string,
      });
  }
  const wrong = ledger.diff({ from: 'then', to: 'now', queue: '', state: 1 } as never);
  await expect(wrong).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(
      /state: no such option of diff; from: .*; to: .*; queue: /,
    ) as string,
  });
  const turned = ledger.diff({ from: ago, to: '2026-01-01T00:00:00Z' });
  await expect(turned).rejects.toThrow(/^from: expected a time not after to/);
});

test('what only events of now can tell is refused together with an earlier time', async () => {
  const { ledger } = await openSite();
  const filter = { errorText: 'x', payload: { a: 1 }, enqueuedAfter: new Date(0), asOf: ago };
  const text =
    'enqueuedAfter: cannot be asked for together with asOf; errorText: cannot be asked for together with asOf; payload: cannot be asked for together with asOf';
  for (const ask of [() => ledger.list(filter), () => ledger.count(filter)])
    await expect(ask()).rejects.toMatchObject({ code: 'BAD_INPUT', message: text });
});

test('a job is told without any read model, lists and counts say what they need', async () => {
  const { ledger } = await openSite();
  const { id } = await ledger.enqueue('k', 1);
  expect(await ledger.get(id, { asOf: ago })).toMatchObject({ id, state: 'available' });
  const asked = [
    () => ledger.list({ asOf: ago }),
    () => ledger.stats({ asOf: ago }),
    () => ledger.diff({ from: ago }),
  ];
  for (const ask of asked)
    await expect(ask()).rejects.toMatchObject({
      code: 'READ_MODEL_MISSING',
      message: expect.stringContaining('run "jobledger project"') as string,
    });
});

test('a read model that is behind an instant answers for those before it only', async () => {
  const site = await openSite();
  const { ledger } = site;
  await ledger.enqueue('k', 1);
  await projected(site);
  const before = await ledger.instant(ago);
  await ledger.enqueue('k', 2);
  expect(await ledger.stats({ asOf: before })).toMatchObject({ enqueued: 1, events: 1 });
  await expect(ledger.stats({ asOf: ago })).rejects.toMatchObject({ code: 'NOT_CAUGHT_UP' });
  const waiting = ledger.stats({ asOf: ago });
  await projected(site);
  expect(await waiting).toMatchObject({ enqueued: 2, events: 2 });
});

test('a job that the read model leaves out is no silent gap', async () => {
  const site = await openSite();
  const { ledger } = site;
  await ledger.enqueue('k', 1);
  const failing = defineProjection({
    ...{ name: 'job-states', version: 1, key: ['id'], job: 'id' },
    columns: { id: column.uuid },
    on: () => {
      throw new Error('cannot');
    },
  });
  const before = await ledger.instant({ agoMs: 60_000 });
  await projected(site, failing);
  await expect(ledger.list({ asOf: ago })).rejects.toMatchObject({ code: 'JOB_PARKED' });
  const lacking = expect.stringMatching(/^job-states: it lacks a column/) as string;
  await expect(ledger.list({ asOf: before })).rejects.toMatchObject({
    code: 'READ_MODEL_MISSING',
    message: lacking,
  });
});

test('a cursor goes with its instant, and with lists of earlier times only', async () => {
  const site = await openSite();
  const { ledger } = site;
  for (let n = 0; n < 5; n++) await ledger.enqueue('k', n);
  await projected(site);
  await project(ledger);
  const first = await ledger.listPage({ asOf: ago, limit: 2 });
  await ledger.enqueue('k', 9);
  const rest = await ledger.listPage({ asOf: ago, limit: 9, cursor: first.next! });
  expect(rest).toMatchObject({ asOf: first.asOf, next: null });
  expect(rest.jobs).toHaveLength(3);
  const named = ledger.listPage({ asOf: '2026-01-01T00:00:00Z', cursor: first.next! });
  await expect(named).rejects.toThrow(/^cursor: expected one of this instant, got one of /);
  const same = await ledger.listPage({ asOf: first.asOf, limit: 9, cursor: first.next! });
  expect(same).toEqual(rest);
  await expect(ledger.listPage({ cursor: first.next! })).rejects.toThrow(
    /^cursor: expected one of now/,
  );
  const now = await ledger.listPage({ limit: 2 });
  await expect(ledger.listPage({ asOf: ago, cursor: now.next! })).rejects.toThrow(
    /^cursor: expected one of a list with asOf/,
  );
});

test('a job of a caller’s own transaction is in the past from when it came into the ledger', async () => {
  const site = await openSite();
  const { ledger } = site;
  await site.sql(
    `insert into jobledger.inbox(job_id, kind, payload) values (gen_random_uuid(), 'k', '1')`,
  );
  await projected(site);
  const [job] = await ledger.list();
  expect(await ledger.get(job!.id)).toMatchObject({ version: 0 });
  expect(await ledger.get(job!.id, { asOf: ago })).toBeUndefined();
  expect(await ledger.list({ asOf: ago })).toEqual([]);
});
