import fc from 'fast-check';
import { z } from 'zod';
import {
  defineJob,
  isLedgerError,
  NonRetryableError,
  type EnqueueOptions,
  type Ledger,
} from 'jobledger';
import type { LedgerSite } from '../support/ledger.js';

const by = { actor: 'fuzz', reason: 'random' };
const ENDINGS = ['succeed', 'throw', 'fatal', 'snooze', 'wait'] as const;

/** Its payload says how it ends. */
export const fuzz = defineJob({
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
export type Step =
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

export const step: fc.Arbitrary<Step> = fc.oneof(
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

/** Does these at once, list by list; gives the jobs made. Refusals that callers must expect are none. */
export async function takeAll(
  site: LedgerSite,
  ledger: Ledger,
  lanes: readonly (readonly Step[])[],
): Promise<string[]> {
  const made: string[] = [];
  await Promise.all(
    lanes.map(async (steps) => {
      for (const one of steps) {
        await take(site, ledger, made, one).catch((error: unknown) => {
          if (!isLedgerError(error) || !EXPECTED.includes(error.code)) throw error;
        });
      }
    }),
  );
  return made;
}

async function take(site: LedgerSite, ledger: Ledger, made: string[], one: Step): Promise<void> {
  if (one.do === 'enqueue') return void made.push(...(await enqueue(site, ledger, one)));
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
      return void (await ledger.enqueue(fuzz, { ending: 'succeed' }, { id }));
  }
}

async function enqueue(
  site: LedgerSite,
  ledger: Ledger,
  one: Extract<Step, { do: 'enqueue' }>,
): Promise<string[]> {
  const payload = { ending: one.ending };
  const options: EnqueueOptions = {
    ...(one.key !== null && { unique: { key: `${one.key}` } }),
    ...(one.delay !== null && { delay: one.delay }),
  };
  if (one.how === 'plain') return [(await ledger.enqueue(fuzz, payload, options)).id];
  const items = [0, 1].map(() => ({ job: fuzz, payload, ...options }));
  if (one.how !== 'transaction') {
    const answers = await ledger.enqueueMany(items, { atomic: one.how === 'atomic' });
    return answers.map(({ id }) => id);
  }
  const client = await site.connect();
  try {
    await client.query('begin');
    const answers = await ledger.enqueueMany(items, { transaction: client });
    await client.query('commit');
    return answers.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
