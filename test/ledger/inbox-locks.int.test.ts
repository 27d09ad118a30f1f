import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { recordDuplicates } from '../../src/ledger/inbox/inbox-duplicates.js';
import { INBOX_FIELDS, type InboxRow } from '../../src/ledger/inbox/inbox-row.js';
import { moveInbox } from '../../src/ledger/inbox/move-inbox.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();

/** Inserts a row for a partition as any program may, and gives its job id. */
async function insert(kind: string | null, partition: number, key?: string): Promise<string> {
  const id = `${randomUUID().slice(0, -2)}0${partition.toString(16)}`;
  await site.ask(`insert into jobledger.inbox(kind, job_id, unique_key) values ($1, $2, $3)`, [
    ...[kind, id, key ?? null],
  ]);
  return id;
}

const inLedger = async (id: string): Promise<boolean> =>
  (await site.ask('select from jobledger.events where stream_id = $1', [id])).length > 0;

test('a locked partition costs the others one time-out, and comes again when it is free', async () => {
  const ledger = await site.open();
  const store = await site.store();
  const stranger = await site.connect();
  const lockSpace = Buffer.from(ledger.ledgerId.slice(0, 8), 'hex').readInt32BE();
  await stranger.query('select pg_advisory_lock($1, 3)', [lockSpace]);
  const first = await ledger.enqueue('first', {}, { id: `${randomUUID().slice(0, -2)}05` });
  const held = [await insert('held', 3), await insert('held', 3, 'key')];
  await site.ask(
    `insert into jobledger.inbox(sort, job_id, kind) values ('duplicate', $1, 'first')`,
    [first.id],
  );
  await moveInbox(store, 0, true);
  const free = await insert('free', 4);
  const since = performance.now();
  await moveInbox(store, 0, true);
  expect(await inLedger(free)).toBe(true);
  // Less than one lock time-out of 2 s.
  expect(performance.now() - since).toBeLessThan(1_500);
  expect(await Promise.all(held.map(inLedger))).toEqual([false, false]);
  await stranger.query('select pg_advisory_unlock($1, 3)', [lockSpace]);
  await eventually(async () => {
    await moveInbox(store, 0, true);
    return (await Promise.all(held.map(inLedger))).every(Boolean);
  });
  expect(await site.ask('select from jobledger.inbox')).toEqual([]);
});

test('rows that somebody is mending are passed over, and taken when he is done', async () => {
  const ledger = await site.open();
  await ledger.enqueue('taken', {}, { unique: { key: 'one' } });
  const [bad, again] = [await insert(null, 2), await insert('taken', 2, 'one')];
  const mender = await site.connect();
  await mender.query('begin');
  await mender.query('select from jobledger.inbox where job_id = any($1) for update', [
    [bad, again],
  ]);
  const behind = await insert('behind', 2);
  await site.move();
  expect(await inLedger(behind)).toBe(true);
  expect(await site.ask('select from jobledger.inbox')).toHaveLength(2);
  await mender.query(`update jobledger.inbox set kind = 'mended' where job_id = $1`, [bad]);
  await mender.query('commit');
  await site.move(); // the row becomes the note of a duplicate
  await site.move(); // which becomes an event
  expect(await inLedger(bad)).toBe(true);
  expect(await inLedger(again)).toBe(false);
  expect(await site.ask('select from jobledger.inbox')).toEqual([]);
});

test('a note of a job that another mover brings over meanwhile is not set aside', async () => {
  const ledger = await site.open();
  const store = await site.store();
  const stranger = await site.connect();
  const id = `${randomUUID().slice(0, -2)}07`;
  await site.ask(`insert into jobledger.inbox(sort, job_id) values ('duplicate', $1)`, [id]);
  const notes = () =>
    site.ask<InboxRow & { set_aside_at: string | null }>(
      `select ${INBOX_FIELDS}, set_aside_at from jobledger.inbox where job_id = $1`,
      [id],
    );
  const found = await notes();
  await stranger.query('begin; lock table jobledger.inbox in access exclusive mode');
  // It finds no stream; then it has to wait for its look into the inbox.
  const recorded = recordDuplicates(store, 7, found);
  await eventually(async () => {
    const waiting = await site.ask(
      `select from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%inbox%'`,
    );
    return waiting.length > 0;
  });
  await ledger.enqueue('brought', {}, { id });
  await stranger.query('commit');
  await recorded;
  expect(await notes()).toMatchObject([{ set_aside_at: null }]);
  await moveInbox(store, 0, true);
  expect((await ledger.history(id)).map(({ type }) => type)).toContain('JobDeduplicated');
});
