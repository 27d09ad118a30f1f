import { expect, test } from 'vitest';
import { moveInbox } from '../../src/ledger/inbox/move-inbox.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

/** Rows of one kind, one per key, written as any program may; gives their job ids. */
async function insertKeyed(kind: string, keys: readonly string[]): Promise<string[]> {
  const rows = await site.ask<{ id: string }>(
    `insert into jobledger.inbox(kind, unique_key) select $1, unnest($2::text[])
     returning job_id as id`,
    [kind, keys],
  );
  return rows.map(({ id }) => id);
}

test('a mover that waits for a key has moved the rows without, and takes no key of a row that is gone', async () => {
  const ledger = await site.open();
  const store = await site.store();
  const gate = await site.connect();
  // Stops the mover after it has read its page, at the first row's key.
  await gate.query('select pg_advisory_lock(4711)');
  await site.ask(`create function wait_at_gate() returns trigger language plpgsql as $$ begin
    perform set_config('lock_timeout', '0', true);
    perform pg_advisory_xact_lock(4711); return new; end $$`);
  await site.ask(`create trigger gate before insert on jobledger.unique_keys for each row
    when (new.key = 'gate') execute function wait_at_gate()`);
  const [, victim] = await insertKeyed('stale', ['gate', 'victim']);
  const [plain] = await site.ask<{ id: string }>(
    `insert into jobledger.inbox(kind) values ('plain') returning job_id as id`,
  );
  const moving = moveInbox(store, 0, false);
  await eventually(async () => {
    const waiting = await site.ask(
      `select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`,
    );
    expect(waiting).toHaveLength(1);
  });
  // Rows without keys have gone before.
  expect(await ledger.get(plain!.id)).toMatchObject({ version: 1 });
  await ledger.reprioritize(victim!, { ...by, priority: 3 });
  await ledger.cancel(victim!, by);
  await gate.query('select pg_advisory_unlock(4711)');
  await moving;
  await site.ask('drop trigger gate on jobledger.unique_keys');
  expect((await ledger.verify()).differences).toEqual([]);
  const again = await ledger.enqueue('stale', {}, { unique: { key: 'victim' } });
  expect(again.created).toBe(true);
});

test('hundreds of busy keys keep the rows of others waiting for a moment only', async () => {
  const ledger = await site.open();
  const store = await site.store();
  const stranger = await site.connect();
  await stranger.query('begin');
  const keys = Array.from({ length: 200 }, (_, n) => `busy ${n}`);
  await stranger.query(
    `insert into jobledger.unique_keys(tenant, kind, key, job_id, scope)
     select '', 'held', unnest($1::text[]), gen_random_uuid(), 'active'`,
    [keys],
  );
  await insertKeyed('held', keys);
  const [plain] = await site.ask<{ id: string }>(
    `insert into jobledger.inbox(kind) values ('plain') returning job_id as id`,
  );
  const startedAt = performance.now();
  const moving = moveInbox(store, 0, false);
  await eventually(async () => expect(await ledger.get(plain!.id)).toMatchObject({ version: 1 }));
  const left = await site.ask(`select from jobledger.inbox where kind = 'held'`);
  expect(left).toHaveLength(200);
  await moving;
  // 20 ms for each of them would be four seconds.
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await stranger.query('rollback');
  await eventually(async () => {
    await moveInbox(store, 0, true);
    expect(await site.ask(`select from jobledger.inbox where kind = 'held'`)).toEqual([]);
  });
  expect((await ledger.verify()).differences).toEqual([]);
});

test('a command for a job that cannot leave the inbox says what is in the way', async () => {
  const ledger = await site.open();
  const stranger = await site.connect();
  await stranger.query('begin');
  await stranger.query(
    `insert into jobledger.unique_keys(tenant, kind, key, job_id, scope)
     values ('', 'stuck', 'held', gen_random_uuid(), 'active')`,
  );
  const [id] = await insertKeyed('stuck', ['held']);
  await expect(ledger.cancel(id!, by)).rejects.toMatchObject({
    code: 'UNIQUE_KEY_BUSY',
    jobId: id,
    message: `job ${id}: still on its way into the ledger, an open transaction holds its unique key; try again`,
  });
  expect(await ledger.get(id!)).toMatchObject({ state: 'available', version: 0 });
  await stranger.query('rollback');
  expect(await ledger.cancel(id!, by)).toMatchObject({ state: 'canceled', version: 2 });
  const [plain] = await site.ask<{ id: string }>(
    `insert into jobledger.inbox(kind) values ('stuck') returning job_id as id`,
  );
  await stranger.query('begin');
  await stranger.query('select from jobledger.inbox where job_id = $1 for update', [plain!.id]);
  await expect(ledger.cancel(plain!.id, by)).rejects.toMatchObject({ code: 'CONFLICT' });
  await stranger.query('rollback');
  expect(await ledger.cancel(plain!.id, by)).toMatchObject({ state: 'canceled' });
});

test('of two items of one list with the same key the earlier gets the job', async () => {
  const ledger = await site.open();
  const id = '3f2c1e0a-5a5a-4a5a-8a5a-0123456789ab';
  // Whoever is not made to wait for the first item is in long before it.
  await site.ask(`create function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.3); return new; end $$`);
  await site.ask(`create trigger slow before insert on jobledger.unique_keys for each row
    when (new.job_id = '${id}') execute function dawdle()`);
  const unique = { key: 'twice' };
  const answers = await ledger.enqueueMany([
    { job: 'listed', payload: 1, id, unique },
    { job: 'listed', payload: 2, unique },
    { job: 'listed', payload: 3, unique: { key: 'other' } },
  ]);
  expect(answers).toMatchObject([{ id, created: true }, { id, created: false }, { created: true }]);
  expect(await ledger.get(id)).toMatchObject({ payload: 1 });
});
