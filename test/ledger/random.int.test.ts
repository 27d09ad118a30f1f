import fc from 'fast-check';
import { z } from 'zod';
import { expect, test } from 'vitest';
import {
  defineJob,
  isLedgerError,
  NonRetryableError,
  type EnqueueOptions,
  type Ledger,
} from 'jobledger';
import { eventually } from '../support/eventually.js';
import { dispatchLines } from '../support/implied-rows.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const by = { actor: 'fuzz', reason: 'random' };
const ENDINGS = ['succeed', 'throw', 'fatal', 'snooze', 'wait'] as const;

const job = defineJob({
  kind: 'fuzz',
  payload: z.object({ ending: z.enum(ENDINGS) }),
  retry: { type: 'fixed', baseMs: 0, jitter: 'none' },
  maxAttempts: 2,
  timeout: 30,
  handle: async ({ ending }, context) => {
    if (ending === 'throw') throw new Error('again');
    if (ending === 'fatal') throw new NonRetryableError('never again');
    if (ending === 'snooze' && context.attempt < 3) context.snooze(1);
    if (ending === 'wait')
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  },
});

/** Something that a caller may do; `at` chooses among the jobs made so far. */
type Step =
  | {
      readonly do: 'enqueue';
      readonly ending: (typeof ENDINGS)[number];
      readonly how: 'plain' | 'many' | 'atomic' | 'transaction';
      readonly key: number | null;
      readonly delay: number | null;
    }
  | {
      readonly do:
        'cancel' | 'retry' | 'discard' | 'reschedule' | 'reprioritize' | 'move' | 'again';
      readonly at: number;
      readonly by: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      ending: fc.constantFrom(...ENDINGS),
      how: fc.constantFrom('plain', 'many', 'atomic', 'transaction'),
      key: fc.option(fc.nat(3)),
      delay: fc.option(fc.constantFrom(0, 5, 1e7)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cancel',
        'retry',
        'discard',
        'reschedule',
        'reprioritize',
        'move',
        'again',
      ),
      at: fc.nat(),
      by: fc.integer({ min: -5, max: 5 }),
    }),
  },
);

const EXPECTED = [
  'ILLEGAL_STATE',
  'UNIQUE_KEY_TAKEN',
  'UNIQUE_KEY_BUSY',
  'JOB_NOT_FOUND',
  'CONFLICT',
];

async function take(ledger: Ledger, made: string[], one: Step): Promise<void> {
  if (one.do === 'enqueue') return void made.push(...(await enqueue(ledger, one)));
  const id = made[one.at % made.length];
  if (one.do === 'move') return site.move();
  if (id === undefined) return;
  switch (one.do) {
    case 'cancel':
      return void (await ledger.cancel(id, by));
    case 'retry':
      return void (await ledger.retry(
        id,
        one.by > 0 ? { ...by, payload: { ending: 'succeed' } } : by,
      ));
    case 'discard':
      return void (await ledger.discard(id, by));
    case 'reschedule':
      return void (await ledger.reschedule(id, {
        ...by,
        runAt: new Date(Date.now() + one.by * 1e6),
      }));
    case 'reprioritize':
      return void (await ledger.reprioritize(id, { ...by, priority: one.by }));
    case 'again':
      return void (await ledger.enqueue(job, { ending: 'succeed' }, { id }));
  }
}

async function enqueue(ledger: Ledger, one: Extract<Step, { do: 'enqueue' }>): Promise<string[]> {
  const payload = { ending: one.ending };
  const options: EnqueueOptions = {
    ...(one.key !== null && { unique: { key: `${one.key}` } }),
    ...(one.delay !== null && { delay: one.delay }),
  };
  if (one.how === 'plain') return [(await ledger.enqueue(job, payload, options)).id];
  const items = [0, 1].map(() => ({ job, payload, ...options }));
  if (one.how !== 'transaction') {
    const answers = await ledger.enqueueMany(items, { atomic: one.how === 'atomic' });
    return answers.map(({ id }) => id);
  }
  const client = await site.connect();
  await client.query('begin');
  const answers = await ledger.enqueueMany(items, { transaction: client });
  await client.query('commit');
  return answers.map(({ id }) => id);
}

/** Resolves when no worker has anything to do for the next minute. */
const drained = () =>
  eventually(
    async () => {
      const left = await site.ask(
        `select 'ready' as place, to_jsonb(r) as row from jobledger.ready r
         union all select 'leases', to_jsonb(l) from jobledger.leases l
         union all select 'inbox', to_jsonb(i) from jobledger.inbox i
         union all select 'scheduled', to_jsonb(s) from jobledger.scheduled s
           where run_at < clock_timestamp() + interval '1 minute'`,
      );
      expect(left).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );

const inbox = () => site.ask(`select to_jsonb(i) as row from jobledger.inbox i`);

test('whatever callers, workers and operators do at once, dispatch rows are what streams imply', async () => {
  const ledger = await site.open({ jobs: [job] });
  const reached = new Set<string>();
  let runs = 0;
  const lanes = fc.array(fc.array(step, { minLength: 15, maxLength: 25 }), {
    minLength: 4,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lanes, async (given) => {
      const worker = ledger.worker({ jobs: [job], concurrency: 3, shutdownGraceMs: 0 });
      await worker.start();
      const made: string[] = [];
      await Promise.all(
        given.map(async (steps) => {
          for (const one of steps) {
            await take(ledger, made, one).catch((error: unknown) => {
              if (!isLedgerError(error) || !EXPECTED.includes(error.code)) throw error;
            });
          }
        }),
      );
      // Every other time the worker is stopped in the middle of it all.
      if (runs++ % 2 === 0) await drained();
      await worker.stop();
      // Movers that meet at one row leave it for the next round; in the end nothing is left.
      await eventually(async () => {
        await site.move();
        expect(await inbox()).toEqual([]);
      });
      const { implied, actual } = await dispatchLines(site);
      expect(actual).toEqual(implied);
      for (const id of made) reached.add((await ledger.get(id))?.state ?? 'none');
    }),
    { numRuns: 6, endOnFailure: true },
  );
  expect(await ledger.verify()).toMatchObject({ verified: true });
  // A run that ends nowhere but in one state would prove little.
  expect([...reached].sort()).toEqual(
    expect.arrayContaining(['canceled', 'discarded', 'failed', 'scheduled', 'succeeded']),
  );
}, 60_000);
