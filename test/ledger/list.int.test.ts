import { afterAll, beforeAll, expect, it } from 'vitest';
import pg from 'pg';
import { openLedger, type Ledger } from 'jobledger';
import { createDatabase } from '../support/database.js';

let database: Awaited<ReturnType<typeof createDatabase>>;
let ledger: Ledger;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url });
  client = new pg.Client(database.config);
  await client.connect();
});

afterAll(async () => {
  await ledger.close();
  await client.end();
  await database.drop();
});

it('lists waiting jobs in the order in which they will run', async () => {
  await ledger.enqueue('list.order', { n: 1 }, { priority: 5 });
  await ledger.enqueue('list.order', { n: 2 }, { priority: -5 });
  await ledger.enqueue('list.order', { n: 3 }, { priority: 5 });
  const jobs = await ledger.list({ state: 'available', kind: 'list.order' });
  expect(jobs.map((job) => job.priority)).toEqual([-5, 5, 5]);
  expect(jobs[0]).toMatchObject({
    kind: 'list.order',
    queue: 'default',
    state: 'available',
    attempt: 0,
  });
  expect(jobs[1]!.createdAt < jobs[2]!.createdAt).toBe(true);
});

it('lists ended jobs newest first, and no longer those that were moved on', async () => {
  const by = { actor: 'ada', reason: 'test' };
  const first = await ledger.enqueue('list.ended', {});
  const second = await ledger.enqueue('list.ended', {});
  await ledger.cancel(first.id, by);
  await ledger.cancel(second.id, by);
  const canceled = await ledger.list({ state: 'canceled', kind: 'list.ended' });
  expect(canceled.map((job) => job.id)).toEqual([second.id, first.id]);
  expect(await ledger.list({ state: 'available', kind: 'list.ended' })).toEqual([]);
});

it('names scheduled jobs with their time, and reads those that are due as available', async () => {
  const later = await ledger.enqueue('list.later', {}, { delay: 3_600_000 });
  const [job] = await ledger.list({ state: 'scheduled', kind: 'list.later' });
  expect(job).toMatchObject({ id: later.id, state: 'scheduled' });
  expect(job!.runAt).toMatch(/^\d{4}-.*\.\d{6}Z$/);
  const ahead = await openLedger({ database: database.url, clockShiftMs: () => 7_200_000 });
  const due = await ahead.list({ state: 'available', kind: 'list.later' });
  expect(due.map((one) => [one.id, one.state])).toEqual([[later.id, 'available']]);
  expect(await ahead.list({ state: 'scheduled', kind: 'list.later' })).toEqual([]);
  await ahead.close();
});

it('lists what callers committed and nobody has moved yet, and what was set aside with its error', async () => {
  await client.query('begin');
  const inbox = await ledger.enqueue('list.inbox', {}, { transaction: client });
  await client.query('commit');
  expect(inbox.shortId).toBeNull();
  const [accepted] = await ledger.list({ kind: 'list.inbox' });
  expect(accepted).toMatchObject({ id: inbox.id, shortId: null, state: 'available' });
  await client.query(
    `insert into jobledger.inbox(kind, payload, set_aside_at, error) values ('list.bad', '{}', now(), 'priority: no')`,
  );
  const [bad] = await ledger.list({ kind: 'list.bad' });
  expect(bad).toMatchObject({ kind: 'list.bad', setAside: 'priority: no' });
  const { notes } = await ledger.verify();
  expect(notes.join()).toContain('priority: no');
});

it('finds rows that were set aside behind others, where only they are asked for', async () => {
  await client.query(
    `insert into jobledger.inbox(kind, payload, run_at, set_aside_at, error) values
      ('list.aside', '{}', 'infinity', now(), 'no'), ('list.aside', '{}', null, now(), 'no')`,
  );
  for (const state of ['scheduled', 'available'] as const) {
    const found = await ledger.list({ kind: 'list.aside', state, limit: 1 });
    expect(found).toMatchObject([{ state, setAside: 'no' }]);
  }
  expect(await ledger.list({ kind: 'list.aside', state: 'failed' })).toEqual([]);
});

it('refuses a limit or a state out of range, each by its name', async () => {
  await expect(ledger.list({ satte: 'failed' } as never)).rejects.toThrow(
    /^satte: no such option of list/,
  );
  await expect(ledger.list({ limit: 0 })).rejects.toThrow(
    /limit: expected an integer from 1 to 100/,
  );
  await expect(ledger.list({ limit: 101 })).rejects.toThrow(/limit/);
  await expect(ledger.list({ state: 'done' as never })).rejects.toThrow(
    /state: expected one of scheduled/,
  );
});

it('takes no event of a newer form for one that it knows', async () => {
  const { id } = await ledger.enqueue('list.form', {});
  await client.query(
    `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events m
        where m.partition = e.partition), stream_id, 2, 'JobReprioritized', 2, kind, queue,
        '{"from": 0, "to": 5, "reason": "later"}', '{}', now()
      from jobledger.events e where stream_id = $1`,
    [id],
  );
  const [job] = await ledger.list({ kind: 'list.form' });
  expect(job!.note).toMatch(/cannot read its events: .* its form 2 is newer than this program/);
  expect((await ledger.history(id))[1]).toMatchObject({ schemaVersion: 2, data: { to: 5 } });
  await expect(ledger.get(id)).rejects.toThrow(/its form 2 is newer/);
  const by = { actor: 'ada', reason: 'unread' };
  await expect(ledger.cancel(id, by)).rejects.toThrow(/its form 2 is newer/);
  expect(await ledger.history(id)).toHaveLength(2);
});

it('shows a job with an event of a newer program, with a note, and goes on', async () => {
  const { id } = await ledger.enqueue('list.newer', {});
  await client.query(
    `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events m
        where m.partition = e.partition), stream_id, 2, 'JobRetried', 99, kind, queue, '{}', '{}', now()
      from jobledger.events e where stream_id = $1`,
    [id],
  );
  const jobs = await ledger.list({ kind: 'list.newer' });
  expect(jobs).toHaveLength(1);
  expect(jobs[0]!.note).toMatch(/cannot read/);
  expect(await ledger.history(id)).toHaveLength(2);
  await expect(ledger.get(id)).rejects.toThrow(/cannot read its events/);
});
