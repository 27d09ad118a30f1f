import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, NonRetryableError, RetryLaterError, type EnqueueOptions } from 'jobledger';
import { readTexts } from '../../src/kafka/read-texts.js';
import type { EventText } from '../../src/kafka/record.js';
import { hostileValues } from '../job/hostile-values.js';
import { fuzz, step, takeAll } from '../ledger/random-steps.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { recordProblems } from './schemas.js';

const site = await ledgerSite();

/** Every event of the ledger, as the relay reads it. */
async function stored(): Promise<readonly EventText[]> {
  const store = await site.store();
  const read = (partition: number) => readTexts(store, partition, 1, 100_000);
  const pages = await Promise.all(Array.from({ length: store.partitions }, (_, one) => read(one)));
  return pages.flatMap((page) => page.events);
}

/** What keeps any stored event from the contract; that the events are of these types is checked too. */
async function problems(...types: readonly string[]): Promise<readonly string[]> {
  const events = await stored();
  expect([...new Set(events.map(({ type }) => type))]).toEqual(expect.arrayContaining([...types]));
  return events.flatMap(recordProblems);
}

const OPERATED = ['JobCanceled', 'JobRetried', 'JobRescheduled', 'JobReprioritized'];
const RUN = ['AttemptStarted', 'AttemptSucceeded', 'AttemptFailed', 'JobSnoozed'];

test('whatever callers, workers and operators do, what is stored is published as promised', async () => {
  const ledger = await site.open({ jobs: [fuzz] });
  const lanes = fc.array(fc.array(step, { minLength: 15, maxLength: 25 }), {
    minLength: 4,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lanes, async (given) => {
      const worker = ledger.worker({ jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
      await worker.start();
      await takeAll(site, ledger, given);
      await worker.stop();
      await site.move();
    }),
    { numRuns: 4, endOnFailure: true },
  );
  expect(await problems('JobEnqueued', 'JobDiscarded', ...OPERATED, ...RUN)).toEqual([]);
}, 60_000);

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((one) => `"${one}`);
const printable = text.filter((one) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(one));
const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
const category = fc.constantFrom('timeout', 'network', 'validation', 'unknown');
const object = fc.dictionary(
  printable,
  fc.json().map((one) => JSON.parse(one) as null),
);
const retry = fc.record(
  {
    type: fc.constantFrom('fixed', 'linear', 'exponential'),
    baseMs: ms,
    jitter: fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
    only: fc.array(category),
    except: fc.array(category),
  },
  { requiredKeys: [] },
);
const scope = fc.oneof(
  fc.constantFrom('active', 'forever'),
  ms.map((within) => ({ within })),
);
const runAt = fc.oneof(
  fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  fc.constantFrom('2030-01-31T08:00+02:00', '2030-01-31T08:00:00.1Z', '0001-01-01T00:00:00Z'),
);
const options: fc.Arbitrary<EnqueueOptions> = fc
  .record(
    {
      priority: fc.integer({ min: -32_768, max: 32_767 }),
      maxAttempts: fc.integer({ min: 1, max: 32_767 }),
      timeout: fc.option(fc.integer({ min: 1, max: 24 * 24 * 3_600_000 })),
      queue: printable,
      retry,
      unique: fc.record({ key: printable, scope }, { requiredKeys: ['key'] }),
      metadata: object,
      actor: printable,
      tenant: printable,
      principal: printable,
      correlationId: printable,
      causationId: printable,
      when: fc.oneof(
        runAt.map((at) => ({ runAt: at })),
        fc.double({ min: 0, max: 3e12, noNaN: true }).map((delay) => ({ delay })),
      ),
    },
    { requiredKeys: [] },
  )
  .map(({ when, ...others }) => ({ ...others, ...when }));

test('whatever an enqueue says is published as promised', async () => {
  const ledger = await site.open();
  const enqueue = async (all: readonly (readonly [EnqueueOptions, unknown])[]) => {
    const items = all.map(([one, payload]) => ({ job: 'any "kind"', payload, ...one }));
    await ledger.enqueueMany(items as never);
    // The same once more: unique keys are taken now.
    await ledger.enqueueMany(items.filter(({ unique }) => unique !== undefined) as never);
  };
  const payload = fc.json({ maxDepth: 4 }).map((one) => JSON.parse(one) as unknown);
  const lists = fc.array(fc.tuple(options, payload), { minLength: 20, maxLength: 40 });
  await fc.assert(fc.asyncProperty(lists, enqueue), { numRuns: 8, endOnFailure: true });
  expect(await problems('JobEnqueued', 'JobDeduplicated')).toEqual([]);
}, 60_000);

const HOSTILE = hostileValues();
const NUMBERS = [0.1, 1e21, -0, Number.MAX_SAFE_INTEGER];
const RESULTS = [undefined, null, 'x'.repeat(70_000), 5n, NUMBERS, { toJSON: () => 'said' }];

const ending = defineJob({
  kind: 'ending',
  payload: z.object({ how: z.string(), at: z.number() }),
  maxAttempts: 2,
  retry: { type: 'fixed', baseMs: 1.5, jitter: 'none' },
  handle: ({ how, at }, { attempt, progress, snooze, signal }) => {
    if (how === 'result') return RESULTS[at];
    if (how === 'throw') throw HOSTILE[at];
    if (how === 'snooze' && attempt < 3) snooze(at === 0 ? new Date() : at / 3);
    if (how === 'fatal') throw new NonRetryableError('no', { category: 'permission' });
    if (how === 'later') throw new RetryLaterError({ after: 0.25 });
    if (how === 'wait') progress(1 / 3, 'a third');
    return how === 'wait' ? new Promise((_, no) => signal.addEventListener('abort', no)) : {};
  },
});

test('however a handler ends, it is published as promised', async () => {
  const ledger = await site.open({ jobs: [ending] });
  const worker = ledger.worker({ jobs: [ending], concurrency: 8, heartbeatMs: 100 });
  const all = (how: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({ job: ending, payload: { how, at } }));
  const given = ['snooze', 'fatal', 'later'].flatMap((how) => all(how, 3));
  await worker.start();
  const [canceled] = await ledger.enqueueMany(all('wait', 1));
  const made = await ledger.enqueueMany([
    ...given,
    ...all('result', RESULTS.length),
    ...all('throw', HOSTILE.length),
  ]);
  await eventually(async () => {
    const history = await ledger.history(canceled!.id);
    expect(history.map(({ type }) => type)).toContain('ProgressReported');
  });
  await ledger.cancel(canceled!.id, { actor: 'ada', reason: 'enough' });
  await eventually(
    async () => {
      const jobs = await Promise.all([...made, canceled!].map(({ id }) => ledger.get(id)));
      const open = jobs.filter((job) => !/succeeded|failed|canceled/.test(job!.state));
      expect(open.map((job) => [job!.state, job!.payload])).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );
  await worker.stop();
  expect(await problems(...RUN, 'CancelRequested', 'ProgressReported')).toEqual([]);
}, 60_000);
