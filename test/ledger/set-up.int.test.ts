import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, migrateDatabase, openLedger, type LedgerOptions, type Log } from 'jobledger';
import { createDatabase as openDatabase, endDatabase } from '../../src/database.js';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { withDatabase } from '../support/postgres.js';

const site = await ledgerSite({ empty: true });
const site2 = await ledgerSite();

const refusal = async (options: LedgerOptions) =>
  openLedger({ logger: false, ...options }).then(
    async (ledger) => {
      await ledger.close();
      throw new Error('it opened');
    },
    (error: { code: string; message: string }) => error,
  );

test('a database never migrated is refused, with what to do', async () => {
  const error = await refusal({ database: site.database.url });
  expect(error).toMatchObject({
    code: 'NOT_MIGRATED',
    message: expect.stringMatching(/^database: .*run 'jobledger migrate', or open it with/),
  });
  expect(await site.ask(`select from pg_namespace where nspname = 'jobledger'`)).toEqual([]);
});

test('many programs may migrate at once, and one of them does', async () => {
  const options = { database: site.database.url, partitions: 64, schema: 'crowd' };
  const steps = await Promise.all(Array.from({ length: 6 }, () => migrateDatabase(options)));
  expect(steps.filter((one) => one.length > 0)).toEqual([
    ['0001-ledger', '0002-projections', '0003-publications'],
  ]);
  expect(await migrateDatabase(options)).toEqual([]);
  const opened = await Promise.all(
    Array.from({ length: 4 }, () => site.open({ schema: 'crowd two', migrate: true })),
  );
  expect(new Set(opened.map((ledger) => ledger.ledgerId)).size).toBe(1);
});

test('a ledger of the first schema takes the steps it lacks, and keeps what it holds', async () => {
  const schema = 'first';
  const made = await site.open({ schema, migrate: true });
  const { id } = await made.enqueue('kept', 1);
  await site.ask(`drop table first.checkpoints, first.parked, first.projections`);
  await site.ask(`drop table first.relays, first.publications, first.epochs`);
  await site.ask(`alter table first.ledger drop column role`);
  await site.ask(`update first.ledger set schema_version = 1`);
  await site.ask(`delete from first.kysely_migration where name <> '0001-ledger'`);
  await expect(site.open({ schema })).rejects.toMatchObject({ code: 'NOT_MIGRATED' });
  const options = { database: site.database.url, schema };
  expect(await migrateDatabase(options)).toEqual(['0002-projections', '0003-publications']);
  const opened = await site.open({ schema });
  expect(await opened.get(id)).toMatchObject({ kind: 'kept', state: 'available' });
});

test.each([1, 3, 256])('a ledger of %i partitions uses them all', async (partitions) => {
  const schema = `with ${partitions}`;
  const ledger = await site.open({ schema, partitions, migrate: true });
  expect(ledger.partitions).toBe(partitions);
  const made = new Set<string>();
  const used = new Set<number>();
  for (let n = 0; used.size < partitions; n++) {
    const { id, shortId } = await ledger.enqueue('spread', n);
    const partition = Number(shortId!.split('/')[0]);
    expect(Number.parseInt(id.slice(-2), 16) % partitions).toBe(partition);
    made.add(shortId!);
    used.add(partition);
    expect(made.size).toBe(n + 1);
  }
  expect(Math.max(...used)).toBe(partitions - 1);
  expect(await ledger.verify()).toMatchObject({ verified: true, jobs: made.size });
  const again = await site.open({ schema, partitions: 16 });
  expect(again.partitions).toBe(partitions);
});

const SCHEMAS = [
  `a'b"c`,
  'x; drop schema public cascade; --',
  'ÜNÏ 😀',
  'select',
  '$1',
  'back\\slash',
];

test.each(SCHEMAS)('a ledger may live in the schema %s', async (schema) => {
  const ledger = await site.open({ schema, migrate: true, partitions: 2 });
  const { id } = await ledger.enqueue('a', {}, { unique: { key: 'k' } });
  const client = await site.connect();
  await client.query('begin');
  await ledger.enqueue('b', {}, { transaction: client, unique: { key: 'k' } });
  await client.query('commit');
  await site.move(schema);
  await ledger.cancel(id, { actor: 'ada', reason: 'test' });
  expect(await ledger.verify()).toMatchObject({ verified: true, jobs: 2 });
  expect((await ledger.stats()).enqueued).toBe(2);
  const error = site.ask(`truncate "${schema.replaceAll('"', '""')}".events_0`);
  await expect(error).rejects.toThrow('never changed');
});

test.each([
  ['', ''],
  ['x'.repeat(64), ''],
  ['pg_mine', 'pg_'],
  [5, ''],
  ['a\0b', ''],
  ['half \ud800', ''],
])('the schema name %o is refused', async (schema, why) => {
  const error = await refusal({ database: site.database.url, schema: schema as string });
  expect(error).toMatchObject({ code: 'BAD_CONFIG' });
  expect(error.message).toMatch(new RegExp(`^schema: .*${why}`));
});

test('a schema that only newer programs may use is refused, an older one too', async () => {
  const options = { database: site.database.url, schema: 'newer' };
  await migrateDatabase({ ...options, partitions: 1 });
  await site.ask(`update newer.ledger set schema_version = 99`);
  await (await site.open({ ...options, migrate: true })).enqueue('still.works', 1);
  expect(await migrateDatabase(options)).toEqual([]);
  await site.ask(`update newer.ledger set oldest_program = 99`);
  for (const migrate of [false, true]) {
    expect(await refusal({ ...options, migrate })).toMatchObject({
      code: 'DATABASE_TOO_NEW',
      message: expect.stringContaining('update this program'),
    });
  }
  await expect(migrateDatabase(options)).rejects.toMatchObject({ code: 'DATABASE_TOO_NEW' });
  await site.ask(`update newer.ledger set schema_version = 0, oldest_program = 0`);
  expect(await refusal(options)).toMatchObject({ code: 'NOT_MIGRATED' });
});

const BAD_URLS: readonly (readonly [unknown, RegExp])[] = [
  ['', /^database: expected a Postgres URL, got blank text$/],
  ['  ', /blank/],
  ['mysql://localhost/x', /^database: expected postgres:\/\/…, got mysql:\/\/$/],
  ['redis://:secret@localhost', /got redis:\/\/$/],
  ['localhost/x', /without a scheme/],
  ['postgres://[', /well-formed/],
  ['postgres:app', /expected postgres:\/\/…, got postgres:$/],
  [{ connectionString: '' }, /blank/],
  [{ connectionString: 'http://x' }, /got http:\/\/$/],
];

test.each(BAD_URLS)('the database %o is refused in one line', async (database, line) => {
  const error = await refusal({ database: database as string });
  expect(error).toMatchObject({ code: 'BAD_DATABASE_URL' });
  expect(error.message).toMatch(line);
  expect(error.message).not.toMatch(/secret|\n/);
});

test.each([
  ['the console', console, 'child'],
  ['half a logger', { info: () => undefined, error: 'x' }, 'debug, warn, error, child'],
  ['text', 'stderr', 'debug, info, warn, error, child'],
])('as a logger %s is refused in one line', async (_, logger, missing) => {
  const error = await refusal({ database: site.database.url, logger: logger as unknown as Log });
  expect(error).toMatchObject({
    code: 'BAD_CONFIG',
    message: `logger: expected false, or a logger with debug, info, warn, error, child; it lacks ${missing}`,
  });
});

test('faults of several options are told together', async () => {
  const { url } = site.database;
  const numbers = { partitions: 257, maxConnections: 1, enqueueTimeoutMs: -1 };
  const options = { database: url, schema: 'pg_x', ...numbers };
  const error = await refusal(options);
  expect(error).toMatchObject({ code: 'BAD_CONFIG' });
  expect(error.message).toMatch(
    /^schema: .*; partitions:.*257; maxConnections:.*1; enqueueTimeoutMs:.*-1$/,
  );
});

const MISTAKES: readonly (readonly [unknown, RegExp])[] = [
  [{ shcema: 'x' }, /^shcema: no such option of openLedger$/],
  [{ 'a\nb': 1 }, /^"a\\nb": no such option/],
  [{ jobs: {} }, /^jobs: expected a list of jobs, got an object$/],
  [{ jobs: ['a', null] }, /^jobs\[0\]: expected a job .* got "a"; jobs\[1\]: .* got null$/],
  [{ pooler: 'no', migrate: 1 }, /^migrate: .* got 1; pooler: expected true or false, got "no"$/],
  [{ logger: { info: () => null } }, /^logger: expected false, or a logger with debug, /],
  [{ clockShiftMs: 5 }, /^clockShiftMs: expected a function, got 5$/],
  [{ database: null }, /^database: expected a Postgres URL, .* got null$/],
  [{ database: 5432 }, /^database: .* got 5432$/],
];

test.each(MISTAKES)('the options %o are refused in one line', async (options, line) => {
  const given = { database: site.database.url, ...(options as LedgerOptions) };
  const error = await refusal(given);
  expect(error).toMatchObject({ code: 'BAD_CONFIG' });
  expect(error.message).toMatch(line);
  await expect(migrateDatabase(given)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  await expect(openLedger(null as never)).rejects.toThrow(/^options: expected an object, got null/);
});

test('a kind that is there twice is refused, with its name', async () => {
  const job = defineJob({ kind: 'twice', payload: z.any() });
  expect(await refusal({ database: site.database.url, jobs: [job, job] })).toMatchObject({
    ...{ code: 'DUPLICATE_KIND', message: 'jobs: kind "twice" is there twice' },
  });
});

test('a store that is not there is unreachable, also by a name it does not have', async () => {
  const nobody = { host: '127.0.0.1', port: 1, user: 'x', database: 'x' };
  const elsewhere = withDatabase(site.database.url, 'no_such_database');
  for (const database of [nobody, elsewhere]) {
    const error = await refusal({ database });
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(error.message).toMatch(/^database: [^\n]+$/);
  }
});

const UNFIT = [
  ['synchronous_commit', 'off', 'BAD_SERVER', /synchronous_commit is off/],
  ['default_transaction_read_only', 'on', 'STORE_READ_ONLY', /standby or the session is read-only/],
] as const;

test('a startup option that the server does not have is told in one line', async () => {
  const database = { ...site2.database.config, options: '-c nonsense=1' };
  expect(await refusal({ database })).toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: 'database: no session: unrecognized configuration parameter "nonsense"',
  });
});

test.each(UNFIT)('a server with %s = %s is refused', async (name, value, code, line) => {
  const options = { options: `-c ${name}=${value}` };
  const database = { ...site2.database.config, ...options };
  expect(await refusal({ database })).toMatchObject({ code, message: expect.stringMatching(line) });
  await expect(migrateDatabase({ database })).rejects.toMatchObject({ code });
});

test('a role that may not migrate is told so in one line', async () => {
  const database = await createDatabase({ empty: true });
  const role = `nobody_${process.pid}`;
  await site.ask(`create role ${role}`);
  try {
    const config = { ...database.config, options: `-c role=${role}` };
    await expect(migrateDatabase({ database: config })).rejects.toMatchObject({
      code: 'BAD_SERVER',
      message: expect.stringMatching(/^database: this role may not migrate.*permission denied/),
    });
  } finally {
    await site.ask(`drop role ${role}`);
    await database.drop();
  }
});

test('an opening that fails leaves no connection', async () => {
  const named = { ...site.database.config, application_name: 'leak' };
  for (const options of [
    { database: named, schema: 'never migrated' },
    { database: { ...named, options: '-c synchronous_commit=off' } },
    { database: named, schema: '' },
  ]) {
    await refusal(options);
  }
  // A server process takes a moment to notice that its client has gone.
  await eventually(async () => {
    const left = `select from pg_stat_activity where application_name = 'leak'`;
    expect(await site.ask(left)).toEqual([]);
  });
});

test('startup options in a URL hold, and do not take the place of ours', async () => {
  const { url } = site.database;
  const options = 'options=-c%20work_mem%3D5MB+-c+search_path%3Dx';
  const within = `${url}${url.includes('?') ? '&' : '?'}${options}`;
  const database = openDatabase({ connectionString: within }, { pooler: false, maxConnections: 2 });
  const shown = await database.pool.query(
    `select current_setting('work_mem') as work_mem, current_setting('search_path') as search_path,
      current_setting('lock_timeout') as lock_timeout, current_setting('timezone') as timezone`,
  );
  await endDatabase(database);
  expect(shown.rows).toEqual([
    { work_mem: '5MB', search_path: 'x', lock_timeout: '2s', timezone: 'UTC' },
  ]);
});

afterAll(async () => {
  expect(await site.ask(`select from pg_namespace where nspname = 'public'`)).toHaveLength(1);
});
