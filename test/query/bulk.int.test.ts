import { expect, test } from 'vitest';
import type { BulkOptions, BulkResult, JobFilter, Ledger } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { job, openSite, signal, types, type Site } from '../worker/site.js';
import { populate, project, samples } from './populate.js';

const by = { actor: 'ada', reason: 'the mail server is back' };

/** Jobs that have failed for good. */
async function failed(site: Site, count: number, more: object = {}): Promise<readonly string[]> {
  const { ledger, start } = site;
  const kind = job('fails', () => Promise.reject(new Error('no')));
  const items = Array.from({ length: count }, (_, n) => ({
    ...{ job: kind, payload: { n }, maxAttempts: 1 },
    ...more,
  }));
  const made = await ledger.enqueueMany(items);
  const worker = await start({ jobs: [kind], concurrency: 50 });
  await eventually(async () => expect(await ledger.count({ state: 'failed' })).toBe(count));
  await worker.stop();
  return made.map(({ id }) => id);
}

const count = ({ sql }: Site) =>
  sql<{ type: string; n: number }>(
    'select type::text, count(*)::int as n from jobledger.events group by 1 order by 1',
  );

const inAll = async (ledger: Ledger, ids: readonly string[]) =>
  new Set((await Promise.all(ids.map((id) => ledger.get(id)))).map((one) => one!.state));

test('retries every failed job of a kind without a read model, each with actor and reason', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids = await failed(site, 250);
  const other = await ledger.enqueue('other', 1);
  const reports: BulkResult[] = [];
  const result = await ledger.bulk({
    ...{ action: 'retry', filter: { kind: 'fails' }, extraAttempts: 3, batch: 20, ...by },
    onProgress: (soFar) => reports.push(soFar),
  });
  expect(result).toEqual({ done: 250, refused: 0, refusals: [], next: null });
  expect(reports.length).toBeGreaterThan(10);
  expect(reports.at(-1)!.done).toBe(250);
  for (const id of ids.slice(0, 10)) {
    expect((await ledger.history(id)).at(-1)).toMatchObject({
      type: 'JobRetried',
      data: { reason: by.reason, extraAttempts: 3, maxAttempts: 4 },
      meta: { actor: 'ada' },
    });
  }
  expect(await inAll(ledger, ids)).toEqual(new Set(['available']));
  expect(await types(ledger, other.id)).toEqual(['JobEnqueued']);
});

test('does to random jobs what its filter says and to no other, with the read model and without', async () => {
  const cases: readonly [BulkOptions['action'], JobFilter][] = [
    ['cancel', { kind: 'a' }],
    ['cancel', { errorText: 'LATER of', state: 'retrying' }],
    ['discard', { payload: { n: 2 } }],
    ['discard', { state: ['failed', 'scheduled'], queue: 'default' }],
    ['retry', { errorCategory: 'not-found', tenant: 'acme' }],
    ['retry', {}],
  ];
  const site = await openSite();
  const { ledger } = site;
  const ids = await populate(site, samples(150, 11));
  await project(ledger);
  for (const [action, filter] of cases) {
    const before = await Promise.all(ids.map(async (id) => (await ledger.get(id))!));
    const { matched } = await ledger.previewBulk({ action, filter });
    const { done, refused } = await ledger.bulk({ action, filter, batch: 7, ...by });
    const after = await Promise.all(ids.map(async (id) => (await ledger.get(id))!));
    const changed = after.filter(({ version }, n) => version !== before[n]!.version);
    expect({ action, filter, done, refused }).toEqual({
      action,
      filter,
      done: matched,
      refused: 0,
    });
    expect(changed.length).toBe(done);
    expect(done).toBeGreaterThan(0);
    await project(ledger);
    const again = await ledger.bulk({ action, filter, ...by });
    expect(again).toMatchObject({ done: 0, refused: 0 });
  }
});

test('a dry run counts and shows samples, and writes nothing', async () => {
  const site = await openSite();
  const { ledger } = site;
  await failed(site, 30, { tenant: 'acme' });
  await ledger.enqueue('waits', 1, { delay: 3_600_000, tenant: 'acme' });
  await project(ledger);
  const before = await count(site);
  for (const tenant of [undefined, 'acme']) {
    const preview = await ledger.previewBulk({ action: 'discard', filter: { tenant } });
    expect(preview.matched).toBe(31);
    const queue = 'default';
    expect(preview.groups).toEqual([
      { queue, kind: 'fails', state: 'failed', category: 'unknown', jobs: 30 },
      { queue, kind: 'waits', state: 'scheduled', category: null, jobs: 1 },
    ]);
    expect(preview.samples).toHaveLength(5);
  }
  expect(await count(site)).toEqual(before);
});

test('leaves alone what has moved on since the read model saw it', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids = await failed(site, 20, { tenant: 'acme' });
  await project(ledger);
  await ledger.discard(ids[0]!, by);
  await ledger.retry(ids[1]!, by);
  await ledger.retry(ids[2]!, by);
  await ledger.cancel(ids[2]!, by);
  const filter = { tenant: 'acme' };
  expect(await ledger.bulk({ action: 'retry', filter, ...by })).toMatchObject({
    ...{ done: 17, refused: 0, next: null },
  });
  expect((await ledger.get(ids[2]!))!.state).toBe('canceled');
  expect(await types(ledger, ids[0]!)).not.toContain('JobRetried');
});

test('ended early, it goes on by its cursor or by the same call, and does each job once', async () => {
  for (const filter of [{}, { tenant: 'acme' }]) {
    const site = await openSite();
    const { ledger } = site;
    const ids = await failed(site, 200, { tenant: 'acme' });
    await project(ledger);
    const stop = new AbortController();
    const retry = { action: 'retry', filter, batch: 30, ...by } as const;
    const first = await ledger.bulk({
      ...{ ...retry, signal: stop.signal },
      onProgress: () => stop.abort(),
    });
    expect(first.next).not.toBeNull();
    expect(first.done).toBeLessThan(60);
    const second = await ledger.bulk({ ...retry, cursor: first.next!, signal: stop.signal });
    const third = await ledger.bulk(retry);
    expect(first.done + second.done + third.done).toBe(200);
    expect(third.next).toBeNull();
    const retried = await Promise.all(ids.map((id) => types(ledger, id)));
    const times = retried.map((all) => all.filter((type) => type === 'JobRetried').length);
    expect(new Set(times)).toEqual(new Set([1]));
    const another = { action: 'discard', filter, cursor: first.next!, ...by } as const;
    await expect(ledger.bulk(another)).rejects.toThrow(/^cursor: expected one of this filter/);
  }
});

test('closing ends it behind its batch, with a cursor', async () => {
  const site = await openSite();
  await failed(site, 100);
  const ledger = await site.open();
  let closing: Promise<void> | undefined;
  const result = await ledger.bulk({
    ...{ action: 'retry', filter: {}, batch: 10, ...by },
    onProgress: () => void (closing ??= ledger.close()),
  });
  expect(result.done).toBeLessThan(100);
  expect(result.next).not.toBeNull();
  await closing;
});

test('a job that refuses stops no other, and is told with its reason', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids = await failed(site, 40);
  const keyed: string[] = [];
  for (const key of ['a', 'b', 'c']) {
    const unique = { key };
    keyed.push((await ledger.enqueue('fails', {}, { unique, maxAttempts: 1 })).id);
  }
  const runs = await site.start({ jobs: [job('fails', () => Promise.reject(new Error('no')))] });
  await eventually(async () => expect(await ledger.count({ state: 'failed' })).toBe(43));
  await runs.stop();
  const holder = await ledger.enqueue('fails', {}, { unique: { key: 'b' } });
  const result = await ledger.bulk({ action: 'retry', filter: {}, ...by });
  expect(result).toMatchObject({ done: 42, refused: 1, next: null });
  expect(result.refusals).toEqual([
    { id: keyed[1], reason: expect.stringContaining(`taken by job ${holder.id}`) as unknown },
  ]);
  expect(await inAll(ledger, [...ids, keyed[0]!, keyed[2]!])).toEqual(new Set(['available']));
});

test('cancel reaches what runs once, and what callers have only just committed', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  const running = signal();
  const ended = signal<unknown>();
  const kind = job('runs', (_, context) => {
    running.resolve();
    return new Promise((_resolve, reject) =>
      context.signal.addEventListener('abort', () => {
        ended.resolve(context.signal.reason);
        reject(new Error('aborted'));
      }),
    );
  });
  const { id } = await ledger.enqueue(kind, 1);
  await site.start({ jobs: [kind], maintenance: false });
  await running.promise;
  await sql(`insert into jobledger.inbox(kind, payload) values ('accepted', '1')`);
  const cancel = { action: 'cancel', filter: {}, ...by } as const;
  expect(await ledger.bulk(cancel)).toMatchObject({ done: 2, refused: 0 });
  expect(await ended.promise).toBe('canceled');
  await eventually(async () => expect((await ledger.get(id))!.state).toBe('canceled'));
  expect(await ledger.bulk(cancel)).toMatchObject({ done: 0, refused: 0 });
});

test('a retried job that fails again meanwhile is not retried twice', async () => {
  const site = await openSite();
  const { ledger } = site;
  const ids = await failed(site, 60);
  const again = job('fails', () => Promise.reject(new Error('again')));
  await site.start({ jobs: [again], concurrency: 50 });
  const result = await ledger.bulk({ action: 'retry', filter: {}, batch: 5, ...by });
  expect(result).toMatchObject({ done: 60, next: null });
  await eventually(async () => expect(await ledger.count({ state: 'failed' })).toBe(60));
  for (const id of ids.slice(0, 5))
    expect((await types(ledger, id)).filter((type) => type === 'JobRetried')).toHaveLength(1);
});

test('refuses what cannot be meant, all faults at once', async () => {
  const { ledger } = await openSite();
  const bulk = (options: object) =>
    ledger.bulk({ action: 'retry', filter: {}, ...by, ...options } as never);
  const wrong = { batch: 0, actor: '', extraAttempts: 0, cursor: 'x', dryRun: true };
  const told = await bulk({ ...wrong, filter: { kind: '', state: 'running' } }).catch(String);
  for (const field of ['dryRun: no such option of bulk', 'batch', 'actor', 'extraAttempts'])
    expect(told).toContain(field);
  for (const field of ['cursor', 'kind', 'state: retry takes jobs that are failed'])
    expect(told).toContain(field);
  await expect(bulk({ action: 'drop' })).rejects.toThrow(
    /^action: expected retry, discard or cancel/,
  );
  await expect(bulk({ filter: undefined })).rejects.toThrow(
    /^filter: expected an object, \{\} for/,
  );
  await expect(bulk({ action: 'cancel', extraAttempts: 1 })).rejects.toThrow(/with retry only/);
});
