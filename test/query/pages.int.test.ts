import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { JobFilter } from '../../src/index.js';
import { openSite, type Site } from '../worker/site.js';
import { allPages, HOSTILE, project } from './populate.js';

const by = { actor: 'ada', reason: 'test' };

async function enqueue({ ledger }: Site, count: number, tenant = 'acme') {
  const items = Array.from({ length: count }, (_, n) => ({ job: 'k', payload: { n }, tenant }));
  return (await ledger.enqueueMany(items)).map(({ id }) => id);
}

test('what stands in the filter throughout is on one page exactly, whatever changes between them', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids = await enqueue(site, 60);
  await ledger.enqueue('k', {}, { id: randomUUID(), tenant: 'acme' });
  await project(ledger);
  const filter = { state: 'available', tenant: 'acme', limit: 7 } as const;
  const seen: string[] = [];
  const gone = new Set<string>();
  for (let cursor: string | undefined, page = 0; ; page++) {
    const { jobs, next } = await ledger.listPage({ ...filter, cursor });
    seen.push(...jobs.map(({ id }) => id));
    expect(jobs.every(({ state }) => state === 'available')).toBe(true);
    if (next === null) break;
    cursor = next;
    // One that was seen, one that was not, and one behind all, with and without the read model's knowing.
    for (const id of [ids[page]!, seen.at(-1)!]) {
      if (gone.has(id)) continue;
      await ledger.cancel(id, by);
      gone.add(id);
    }
    await ledger.reprioritize(ids[30]!, { ...by, priority: page + 1 });
    await enqueue(site, 5);
    if (page % 2 === 0) await project(ledger);
  }
  expect(seen).toHaveLength(new Set(seen).size);
  expect(gone.size).toBeGreaterThan(10);
  expect(ids.filter((id) => !gone.has(id) && !seen.includes(id))).toEqual([]);
});

test('pages go from the newest to the oldest, also of ids that say nothing of time', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) {
    ids.unshift((await ledger.enqueue('k', n, { id: randomUUID() })).id);
  }
  await project(ledger);
  expect(await allPages(ledger, { limit: 2 })).toEqual(ids);
});

test('a page says how far the read model is behind, and shows nothing that is no longer so', async () => {
  const site = await openSite();
  const { ledger } = site;
  const [first, second] = await enqueue(site, 2);
  await project(ledger);
  expect(await ledger.listPage({ tenant: 'acme' })).toMatchObject({ lagEvents: 0, next: null });
  await ledger.cancel(first!, by);
  const [third] = await enqueue(site, 1);
  const behind = await ledger.listPage({ tenant: 'acme', state: 'available' });
  expect(behind.jobs.map(({ id }) => id)).toEqual([second]);
  expect(behind.lagEvents).toBe(2);
  // Found as it was, told as it is.
  const any = await ledger.listPage({ tenant: 'acme' });
  expect(any.jobs.find(({ id }) => id === first)).toMatchObject({ state: 'canceled' });
  expect(any.jobs.map(({ id }) => id)).not.toContain(third);
});

test('a cursor goes with its own filter only', async () => {
  const site = await openSite();
  const { ledger } = site;
  await enqueue(site, 3);
  await project(ledger);
  const { next: cursor } = await ledger.listPage({ tenant: 'acme', limit: 1 });
  await expect(
    ledger.listPage({ tenant: 'acme', limit: 2, cursor: cursor! }),
  ).resolves.toBeTruthy();
  const others: JobFilter[] = [{}, { tenant: 'other' }, { tenant: 'acme', payload: { n: 1 } }];
  for (const filter of others) {
    await expect(ledger.listPage({ ...filter, cursor: cursor! })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: 'cursor: expected one of this filter, got one of another',
    });
  }
  for (const text of ['', 'first', cursor!.slice(0, -4), 'W10', ...HOSTILE]) {
    await expect(ledger.listPage({ tenant: 'acme', cursor: text })).rejects.toMatchObject({
      message: 'cursor: expected the cursor of a page before',
    });
  }
});

test('without the read model only state, kind and queue can be asked for, and it says what to run', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  await enqueue(site, 2);
  expect(await ledger.list({ state: 'available', kind: 'k' })).toHaveLength(2);
  expect(await ledger.count({ state: ['available', 'failed'], kind: 'k' })).toBe(2);
  const missing = {
    code: 'READ_MODEL_MISSING',
    message: expect.stringMatching(/jobledger project/),
  };
  const asking = [
    () => ledger.list({ tenant: 'acme' }),
    () => ledger.listPage(),
    () => ledger.count({ payload: { n: 1 } }),
    () => ledger.previewBulk({ action: 'cancel', filter: { tenant: 'acme' } }),
    () => ledger.bulk({ action: 'cancel', filter: { tenant: 'acme' }, ...by }),
  ];
  for (const ask of asking) await expect(ask()).rejects.toMatchObject(missing);
  await sql('create view jobledger.jobs as select gen_random_uuid() as id, now() as enqueued_at');
  await expect(ledger.list({ tenant: 'acme' })).rejects.toMatchObject({
    code: 'READ_MODEL_MISSING',
    message: expect.stringMatching(/lacks a column .*tenant.* projections rebuild jobs/) as unknown,
  });
  expect(await ledger.listPage()).toMatchObject({ jobs: [], lagEvents: null });
});

test('every fault of a filter is told at once, by its name', async () => {
  const { ledger } = await openSite();
  const filter = {
    ...{ tenat: 'x', state: [], kind: '', tenant: 7, errorCategory: 'bad', errorText: '\0' },
    ...{ payload: { '': 1, a: { b: 1 }, c: Number.NaN, d: '\ud800' }, enqueuedAfter: 'noon' },
    finishedBefore: new Date(Number.NaN),
  };
  const told = await ledger
    .listPage({ ...filter, limit: 0 } as never)
    .catch((error: Error) => error);
  const message = (told as Error).message.split('; ').map((line) => line.split(': expected')[0]);
  expect(new Set(message)).toEqual(
    new Set([
      ...['tenat: no such option of list', 'state', 'kind', 'tenant', 'errorCategory', 'errorText'],
      ...['payload', 'payload "a"', 'payload "c"', 'payload "d"', 'enqueuedAfter'],
      ...['finishedBefore', 'limit'],
    ]),
  );
  await expect(ledger.count({ limit: 1 } as never)).rejects.toThrow(
    /^limit: no such option of count/,
  );
  for (const payload of [7, [], null, 'x'])
    await expect(ledger.count({ payload } as never)).rejects.toThrow(
      /^payload: expected an object/,
    );
});
