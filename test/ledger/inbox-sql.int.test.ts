import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();

/** Inserts a row as any program may, and gives its job id. */
async function insert(columns: Record<string, unknown>): Promise<string> {
  const names = Object.keys(columns);
  const [row] = await site.ask<{ id: string }>(
    `insert into jobledger.inbox(${names.join(', ')})
     values (${names.map((_, n) => `$${n + 1}`).join(', ')}) returning job_id as id`,
    Object.values(columns),
  );
  return row!.id;
}

const setAside = (id: string) =>
  site.ask(`select error from jobledger.inbox where job_id = $1 and set_aside_at is not null`, [
    id,
  ]);

test('kind and payload are enough, and the rest is the library’s', async () => {
  const ledger = await site.open();
  await site.ask(`insert into jobledger.inbox(kind, payload) values ('from.sql', '{"n": 1}')`);
  const bare = await insert({ kind: 'from.sql' });
  await site.move();
  const rows = await site.ask<{ id: string }>(
    `select stream_id as id from jobledger.events where kind = 'from.sql' order by recorded_at, position`,
  );
  expect(rows).toHaveLength(2);
  const jobs = await Promise.all(rows.map(({ id }) => ledger.get(id)));
  const defaults = { queue: 'default', priority: 0, maxAttempts: 5, timeoutMs: 900_000 };
  expect(jobs.find((job) => job!.id !== bare)).toMatchObject({ ...defaults, payload: { n: 1 } });
  expect(jobs.find((job) => job!.id === bare)).toMatchObject({ ...defaults, payload: {} });
});

test('every column means what the option of its name means', async () => {
  const ledger = await site.open();
  const id = randomUUID();
  await insert({
    job_id: id,
    kind: 'full',
    payload: JSON.stringify([1, null, 'x']),
    queue: 'sql',
    priority: -5,
    run_at: '2099-01-02T03:04:05.123456+02:00',
    max_attempts: 2,
    timeout_ms: 1_500,
    retry: JSON.stringify({ type: 'fixed', baseMs: 10 }),
    metadata: JSON.stringify({ a: 1 }),
    tenant: 'acme',
    principal: 'ada',
    correlation_id: 'c-1',
    causation_id: 'c-2',
    actor: 'trigger',
    unique_key: 'k',
    unique_within_ms: 1e9,
  });
  const waiting = await ledger.get(id);
  const expected = {
    state: 'scheduled',
    runAt: '2099-01-02T01:04:05.123456Z',
    kind: 'full',
    queue: 'sql',
    payload: [1, null, 'x'],
    priority: -5,
    maxAttempts: 2,
    timeoutMs: 1_500,
    retry: { type: 'fixed', baseMs: 10 },
    metadata: { a: 1 },
    meta: {
      tenant: 'acme',
      principal: 'ada',
      correlationId: 'c-1',
      causationId: 'c-2',
      actor: 'trigger',
    },
    unique: { key: 'k', scope: { withinMs: 1e9 } },
  };
  expect(waiting).toMatchObject({ ...expected, version: 0 });
  await site.move();
  expect(await ledger.get(id)).toMatchObject({ ...expected, version: 1 });
  const again = await ledger.enqueue('full', {}, { tenant: 'acme', unique: { key: 'k' } });
  expect(again).toMatchObject({ id, created: false });
});

test('a JSON null is a payload, and a delay counts from the insert', async () => {
  const ledger = await site.open();
  const id = await insert({ kind: 'nil', payload: 'null', delay_ms: 60_000 });
  const [row] = await site.ask<{ due: Date }>(
    `select created_at + interval '1 minute' as due from jobledger.inbox where job_id = $1`,
    [id],
  );
  await site.move();
  const job = await ledger.get(id);
  expect(job).toMatchObject({ payload: null, state: 'scheduled' });
  expect((job as { runAt: string }).runAt.slice(0, 23)).toBe(row!.due.toISOString().slice(0, 23));
});

const BAD_ROWS: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [{ payload: '{}' }, /^kind: expected printable text/],
  [{ kind: '' }, /^kind:.*blank/],
  [{ kind: 'a\nb' }, /^kind:.*control/],
  [{ kind: 'bad', sort: 'nonsense' }, /^sort: expected 'enqueue', got "nonsense"/],
  [{ kind: 'bad', sort: 'prepared' }, /^data, meta:/],
  [{ kind: 'bad', queue: 'x'.repeat(300) }, /^queue:.*300 bytes/],
  [{ kind: 'bad', priority: 99_999 }, /^priority:/],
  [{ kind: 'bad', max_attempts: 0 }, /^maxAttempts:/],
  [{ kind: 'bad', timeout_ms: 0 }, /^timeout:/],
  [{ kind: 'bad', delay_ms: -1 }, /^delay:/],
  [{ kind: 'bad', delay_ms: 'NaN' }, /^delay:.*NaN/],
  [{ kind: 'bad', delay_ms: 1e300 }, /^delay:/],
  [{ kind: 'bad', run_at: 'infinity' }, /^runAt:.*"infinity"/],
  [{ kind: 'bad', run_at: '0044-03-15 BC' }, /^runAt:/],
  [{ kind: 'bad', run_at: '2030-01-01', delay_ms: 1 }, /^runAt, delay:/],
  [{ kind: 'bad', retry: '{"type": "x"}' }, /^retry\.type:/],
  [{ kind: 'bad', metadata: '[1]' }, /^metadata: expected an object/],
  [{ kind: 'bad', unique_key: '' }, /^unique\.key:/],
  [{ kind: 'bad', unique_key: 'k', unique_scope: 'x' }, /^unique_scope:/],
  [{ kind: 'bad', unique_key: 'k', unique_scope: 'within' }, /^unique\.scope\.within:/],
  [{ kind: 'bad', tenant: '\u0007' }, /^tenant:/],
  [{ kind: 'bad', payload: '[1e400]' }, /^payload\[0\]: Infinity/],
  [
    { kind: 'bad', payload: JSON.stringify('x'.repeat(800_000)) },
    /^payload: expected at most 786432/,
  ],
  [{ kind: 'bad', metadata: JSON.stringify({ x: 'x'.repeat(800_000) }) }, /^metadata:/],
];

test('rows that cannot become a job are set aside with their error, and delay no other', async () => {
  const ledger = await site.open();
  const bad: string[] = [];
  const good: string[] = [];
  for (const [columns] of BAD_ROWS) {
    bad.push(await insert(columns));
    good.push(await insert({ kind: 'good' }));
  }
  await site.move();
  for (const id of good) expect(await ledger.get(id)).toMatchObject({ version: 1 });
  for (const [n, [, error]] of BAD_ROWS.entries()) {
    expect(await setAside(bad[n]!)).toEqual([{ error: expect.stringMatching(error) }]);
    await expect(ledger.get(bad[n]!)).rejects.toThrow(
      /: set aside, .*; mend or delete row \d+ of /,
    );
  }
  const stats = await ledger.stats();
  expect(stats.inbox).toMatchObject({ waiting: 0, setAside: BAD_ROWS.length });
  await site.ask(`delete from jobledger.inbox where set_aside_at is not null`);
});

test('a row that was set aside can be mended', async () => {
  const ledger = await site.open();
  const id = await insert({ kind: 'mend', priority: 70_000 });
  await site.move();
  expect(await setAside(id)).toHaveLength(1);
  const refused = {
    code: 'ILLEGAL_STATE',
    message: expect.stringMatching(/set aside, priority: /),
  };
  await expect(ledger.get(id)).rejects.toMatchObject(refused);
  await expect(ledger.discard(id, { actor: 'ada', reason: 'test' })).rejects.toMatchObject(refused);
  await site.ask(
    `update jobledger.inbox set priority = 7, set_aside_at = null, error = null where job_id = $1`,
    [id],
  );
  await site.move();
  expect(await ledger.get(id)).toMatchObject({ priority: 7, version: 1 });
});

test('a row that Postgres refuses spoils no batch', async () => {
  await site.ask(`create function refuse_poison() returns trigger language plpgsql as
    $$ begin if new.data->'payload' ? 'poison' then
      raise exception 'no poison' using errcode = 'check_violation'; end if; return new; end $$`);
  await site.ask(`create trigger poison before insert on jobledger.events
    for each row execute function refuse_poison()`);
  const ledger = await site.open({ partitions: 16 });
  const suffix = '0a';
  const ids = Array.from({ length: 12 }, () => randomUUID().slice(0, -2) + suffix);
  for (const [n, id] of ids.entries()) {
    await insert({ kind: 'batch', job_id: id, payload: n === 7 ? '{"poison": 1}' : '{}' });
  }
  await site.move();
  const found = await Promise.allSettled(ids.map((id) => ledger.get(id)));
  expect(found.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([7]);
  expect(await setAside(ids[7]!)).toEqual([{ error: 'no poison' }]);
  await site.ask('drop trigger poison on jobledger.events');
  await site.ask(`delete from jobledger.inbox where set_aside_at is not null`);
});

test('an id that is there asks for that job again; of another kind it is set aside', async () => {
  const ledger = await site.open();
  const { id } = await ledger.enqueue('first', {});
  await insert({ kind: 'first', job_id: id });
  await site.move();
  await site.move();
  const types = (await ledger.history(id)).map((event) => event.type);
  expect(types).toEqual(['JobEnqueued', 'JobDeduplicated']);
  await insert({ kind: 'second', job_id: id });
  await site.move();
  expect(await setAside(id)).toEqual([{ error: expect.stringMatching(/^job_id: .*another kind/) }]);
  await site.ask(`delete from jobledger.inbox where set_aside_at is not null`);
});

test('unique keys from SQL give one job, and note who asked again', async () => {
  const ledger = await site.open();
  const ids = [];
  for (let n = 0; n < 4; n++) {
    ids.push(await insert({ kind: 'one', unique_key: 'sql', actor: `row ${n}` }));
  }
  await site.move();
  await site.move();
  const jobs = (await Promise.all(ids.map((id) => ledger.get(id)))).filter(Boolean);
  expect(jobs).toHaveLength(1);
  expect(await ledger.history(jobs[0]!.id)).toMatchObject([
    { type: 'JobEnqueued', meta: { actor: 'row 0' } },
    { type: 'JobDeduplicated', data: { times: 3, by: 'row 3' } },
  ]);
});

test('rows that wait for a busy key, or for a locked partition, delay nobody', async () => {
  const ledger = await site.open({ partitions: 16 });
  const stranger = await site.connect();
  await stranger.query('begin');
  await ledger.enqueue('held', {}, { unique: { key: 'busy' }, transaction: stranger });
  const lockSpace = Buffer.from(ledger.ledgerId.slice(0, 8), 'hex').readInt32BE();
  await stranger.query('select pg_advisory_xact_lock($1, 3)', [lockSpace]);
  const waiting = [await insert({ kind: 'behind', job_id: `${randomUUID().slice(0, -2)}03` })];
  for (let n = 0; n < 600; n++) waiting.push(await insert({ kind: 'held', unique_key: 'busy' }));
  const free = await insert({ kind: 'behind', job_id: `${randomUUID().slice(0, -2)}04` });
  await site.move();
  expect(await ledger.get(free)).toMatchObject({ version: 1 });
  expect(await ledger.get(waiting[0]!)).toMatchObject({ version: 0 });
  await stranger.query('rollback');
  await site.move();
  expect(await ledger.get(waiting[0]!)).toMatchObject({ version: 1 });
  expect(await site.ask(`select from jobledger.inbox where sort <> 'duplicate'`)).toEqual([]);
});

test('a role needs no more than to insert', async () => {
  const ledger = await site.open();
  const role = `inserter_${process.pid}`;
  const client = await site.connect();
  await site.ask(`create role ${role}`);
  try {
    await site.ask(`grant usage on schema jobledger to ${role}`);
    await site.ask(`grant insert on jobledger.inbox to ${role}`);
    await client.query(`set role ${role}`);
    await client.query(`insert into jobledger.inbox(kind, payload) values ('granted', '{}')`);
    await client.query('reset role');
    await site.move();
    expect(await ledger.list({ kind: 'granted' })).toHaveLength(1);
  } finally {
    await site.ask(`drop owned by ${role}`);
    await site.ask(`drop role ${role}`);
  }
});

test('a note about a job that is nowhere is set aside', async () => {
  const id = await insert({ sort: 'duplicate', job_id: randomUUID() });
  await site.move();
  expect(await setAside(id)).toEqual([{ error: expect.stringMatching(/^job_id: expected a job/) }]);
});
