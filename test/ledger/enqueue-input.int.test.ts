import { z } from 'zod';
import { afterAll, expect, test } from 'vitest';
import { defineJob, type EnqueueItem, type EnqueueOptions } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const LIMIT = 768 * 1024;

/** Options that are wrong, and the line that must say so. */
const BAD_OPTIONS: readonly (readonly [unknown, RegExp])[] = [
  [{ priority: 32_768 }, /^priority: expected an integer from -32768 to 32767, got 32768/],
  [{ priority: 1.5 }, /^priority:/],
  [{ priority: '1' }, /^priority:/],
  [{ maxAttempts: 0 }, /^maxAttempts: expected an integer from 1 to 32767, got 0/],
  [{ maxAttempts: 32_768 }, /^maxAttempts:/],
  [{ timeout: 0 }, /^timeout:.*got 0/],
  [{ timeout: 25 * 86_400_000 }, /^timeout:/],
  [{ delay: -1 }, /^delay: expected milliseconds from 0/],
  [{ delay: Number.NaN }, /^delay:.*got NaN/],
  [{ delay: Number.POSITIVE_INFINITY }, /^delay:.*got Infinity/],
  [{ runAt: new Date(Number.NaN) }, /^runAt: expected a valid Date/],
  [{ runAt: 'tomorrow' }, /^runAt:.*"tomorrow"/],
  [{ runAt: '2026-02-30T00:00:00Z' }, /^runAt:/],
  [{ runAt: '2026-01-01T00:00:00' }, /^runAt:.*with a zone/],
  [{ runAt: new Date(), delay: 1 }, /^runAt, delay: expected one of them/],
  [{ queue: '' }, /^queue: expected printable text of 1 to 255 bytes, got blank/],
  [{ queue: 'x'.repeat(256) }, /^queue:.*got 256 bytes/],
  [{ queue: '😀'.repeat(64) }, /^queue:.*got 256 bytes/],
  [{ queue: 'a\u0000b' }, /^queue:.*control characters/],
  [{ queue: 'a\uD800' }, /^queue:/],
  [{ tenant: 'a\nb' }, /^tenant:/],
  [{ principal: 5 }, /^principal:.*got 5/],
  [{ actor: '' }, /^actor:/],
  [{ correlationId: {} }, /^correlationId:.*got an object/],
  [{ causationId: null }, /^causationId:.*got null/],
  [{ id: 'not-a-uuid' }, /^id: expected a UUID, got "not-a-uuid"/],
  [{ id: 5n }, /^id: expected a UUID, got 5n/],
  [{ unique: null }, /^unique: expected \{ key/],
  [{ unique: 'key' }, /^unique: expected \{ key/],
  [{ unique: {} }, /^unique\.key:.*got undefined/],
  [{ unique: { key: 'x'.repeat(1_025) } }, /^unique\.key:.*1025 bytes/],
  [{ unique: { key: 'k', scope: 'always' } }, /^unique\.scope: expected 'active'/],
  [{ unique: { key: 'k', scope: { within: -1 } } }, /^unique\.scope\.within:/],
  [{ unique: { key: 'k', onConflict: 'ignore' } }, /^unique\.onConflict: expected/],
  [{ unique: { key: 'k', scoep: 'forever' } }, /^unique\.scoep:/],
  [{ unique: { key: 'k' }, tenant: 7 }, /^tenant:/],
  [{ retry: () => 5 }, /^retry: expected a policy object \(data, not a function\)/],
  [{ retry: { type: 'never' } }, /^retry\.type:/],
  [{ retry: { baseMs: -1 } }, /^retry\.baseMs:/],
  [{ metadata: [] }, /^metadata: expected an object/],
  [{ metadata: { a: { b: Number.NaN } } }, /^metadata\.a\.b: NaN is not JSON/],
  [{ prioritty: 1 }, /^prioritty: no such option/],
  [{ traces: 'child' }, /^traces: no such option/],
  [{ trace: 'sibling' }, /^trace: expected/],
  [{ payload: 1 }, /^payload: no such option/],
  [{ 'a\nb': 1 }, /^"a\\nb": no such option/],
  [{ retry: { 'a\nb': 1 } }, /^retry\."a\\nb": unknown option/],
  [{ transaction: null }, /^transaction: expected a connected pg client or a Kysely/],
  [{ transaction: {} }, /^transaction:/],
  [null, /^options: expected an object, got null/],
];

const cyclic: Record<string, unknown> = {};
cyclic['self'] = [cyclic];

/** Payloads that are no JSON, or that jsonb refuses. */
const BAD_PAYLOADS: readonly (readonly [unknown, RegExp])[] = [
  [undefined, /^payload: undefined is not JSON/],
  [{ a: [{ b: undefined }] }, /^payload\.a\[0\]\.b: undefined/],
  [{ n: Number.NaN }, /^payload\.n: NaN/],
  [{ n: 1n }, /^payload\.n: a BigInt/],
  [{ f: () => 1 }, /^payload\.f: a function/],
  [{ d: new Date(Number.NaN) }, /^payload\.d: NaN/],
  [new Map(), /^payload: a Map/],
  [cyclic, /^payload\.self\[0\]: a cycle/],
  [{ 'a b': '\u0000' }, /^payload\["a b"\]: text with \\u0000/],
  [{ text: '\uDC00' }, /^payload\.text: text with a lone surrogate/],
  [{ 'x\uD800': 1 }, /^payload.*lone surrogate/],
];

const events = async (): Promise<number> =>
  Number((await site.ask(`select count(*) from jobledger.events`))[0]!['count']);

test.each(BAD_OPTIONS)('option %o is refused in a line that names it', async (options, line) => {
  const ledger = await site.open();
  const call = ledger.enqueue('kind', {}, options as EnqueueOptions);
  await expect(call).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(line),
  });
});

test.each(BAD_PAYLOADS)('payload %o is refused, named by its path', async (payload, line) => {
  const ledger = await site.open();
  await expect(ledger.enqueue('kind', payload)).rejects.toMatchObject({
    code: 'PAYLOAD_INVALID',
    message: expect.stringMatching(line),
  });
});

test.each([
  ['', 'blank'],
  ['a\tb', 'control'],
  [7, '7'],
  [undefined, 'undefined'],
  [{}, 'object'],
])('kind %o is refused', async (kind, got) => {
  const ledger = await site.open();
  const call = ledger.enqueue(kind as string, {});
  await expect(call).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(new RegExp(`^(kind|job): expected.*${got}`)),
  });
});

test('an item of a list is named by its place', async () => {
  const ledger = await site.open();
  const many = (items: unknown, options?: object) =>
    ledger.enqueueMany(items as EnqueueItem[], options);
  await expect(many('x')).rejects.toThrow('items: expected a list');
  await expect(many([null])).rejects.toThrow(/^items\[0\]: expected \{ job, payload \}/);
  const good = { job: 'kind', payload: 1 };
  await expect(many([good, { job: 'kind' }])).rejects.toThrow(/^items\[1\]: payload: undefined/);
  await expect(many([{ ...good, transaction: {} }])).rejects.toThrow(/^items\[0\]: transaction:/);
  await expect(many([good], { atomc: true })).rejects.toThrow('atomc: no such option');
});

test('a kind that the ledger does not know, or a payload against its schema, is refused', async () => {
  const known = defineJob({
    kind: 'known',
    payload: z.object({ to: z.object({ name: z.string() }) }),
  });
  const ledger = await site.open({ jobs: [known] });
  const unknown = { code: 'UNKNOWN_KIND', message: expect.stringContaining('"unknown"') };
  await expect(ledger.enqueue('unknown', {})).rejects.toMatchObject(unknown);
  const invalid = {
    code: 'PAYLOAD_INVALID',
    message: expect.stringMatching(/"known": to\.name: /),
  };
  const payload = { to: { name: 5 } };
  await expect(ledger.enqueue('known', payload)).rejects.toMatchObject(invalid);
  await expect(ledger.enqueue(known, payload as never)).rejects.toMatchObject(invalid);
  expect(await ledger.enqueue('known', { to: { name: 'Ada' } })).toMatchObject({ created: true });
});

test('the largest payload is stored, and one byte more is refused', async () => {
  const ledger = await site.open();
  const overhead = Buffer.byteLength(
    JSON.stringify({ payload: '', priority: 0, maxAttempts: 5, timeoutMs: 900_000 }),
  );
  // Postgres prints a space after each colon and comma of the four members.
  const room = LIMIT - overhead - 7;
  const { id } = await ledger.enqueue('big', 'x'.repeat(room));
  const [row] = await site.ask(
    `select octet_length(data::text) as bytes from jobledger.events where stream_id = $1`,
    [id],
  );
  expect(row).toEqual({ bytes: LIMIT });
  await expect(ledger.enqueue('big', 'x'.repeat(room + 1))).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: `payload: expected an event of at most ${LIMIT} bytes, got ${LIMIT + 1}`,
  });
});

test('numbers count with all the digits that Postgres stores', async () => {
  const ledger = await site.open();
  const list = (length: number) => Array.from({ length }, () => 1e308);
  expect(JSON.stringify(list(2_600)).length).toBeLessThan(LIMIT / 40);
  await expect(ledger.enqueue('big', list(2_600))).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
  });
  const { id } = await ledger.enqueue('big', list(2_500));
  expect((await ledger.get(id))!.payload).toEqual(list(2_500));
});

const HOSTILE = [
  `'; drop schema jobledger cascade; --`,
  '"',
  '\\',
  '$1',
  '%s',
  '😀 ünï',
  '{}',
  'null',
];

test.each(HOSTILE)('the name %s is a name like any other', async (name) => {
  const ledger = await site.open();
  const options = { queue: name, tenant: name, actor: name, principal: name };
  const unique = { key: name };
  const { id } = await ledger.enqueue(name, { [name]: name }, { ...options, unique });
  const again = await ledger.enqueue(name, {}, { ...options, unique });
  expect(again).toMatchObject({ id, created: false });
  expect(await ledger.get(id)).toMatchObject({
    kind: name,
    queue: name,
    payload: { [name]: name },
    unique,
    meta: { tenant: name, actor: name, principal: name },
  });
  const by = { actor: name, reason: name };
  await expect(ledger.cancel(id, by)).resolves.toMatchObject({ state: 'canceled', reason: name });
});

afterAll(async () => {
  // What was refused left nothing: only the jobs that the tests meant to enqueue are there.
  const rows = await site.ask(`select distinct kind from jobledger.events where kind = 'kind'`);
  expect(rows).toEqual([]);
  expect(await events()).toBeGreaterThan(0);
});
