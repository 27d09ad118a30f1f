import fc from 'fast-check';
import { expect } from 'vitest';
import { isLedgerError, NonRetryableError, RetryLaterError, type Ledger } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, job, type Site } from '../worker/site.js';

const ENDINGS = ['well', 'fail', 'fatal', 'later', 'snooze', 'hang'] as const;
const COMMANDS = ['cancel', 'retry', 'discard', 'reschedule', 'reprioritize'] as const;
const by = { actor: 'ada', reason: 'random' };

/** Something that happens to a ledger; `at` chooses among the jobs made so far. */
export type Happening =
  | {
      readonly does: 'enqueue';
      readonly ending: (typeof ENDINGS)[number];
      readonly count: number;
      readonly delay: number;
    }
  | { readonly does: (typeof COMMANDS)[number]; readonly at: number }
  | { readonly does: 'lose' };

/** Jobs of every sort, operators who interfere, and workers that are taken for dead. */
export function happenings(): fc.Arbitrary<readonly Happening[]> {
  const one = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        does: fc.constant('enqueue' as const),
        ending: fc.constantFrom(...ENDINGS),
        count: fc.integer({ min: 1, max: 8 }),
        delay: fc.constantFrom(0, 0, 5, 3_600_000),
      }),
    },
    { weight: 6, arbitrary: fc.record({ does: fc.constantFrom(...COMMANDS), at: fc.nat() }) },
    fc.constant({ does: 'lose' as const }),
  );
  return fc.array(one, { minLength: 40, maxLength: 60 });
}

/** Two workers that run them. */
export async function startWorkers({ start, open }: Site): Promise<void> {
  const jobs = ENDINGS.map((ending) => job(ending, HANDLERS[ending]));
  for (const ledger of [await open(), await open()]) await start({ jobs, concurrency: 4 }, ledger);
}

const HANDLERS: Readonly<Record<(typeof ENDINGS)[number], Parameters<typeof job>[1]>> = {
  well: () => 'done',
  fail: () => Promise.reject(new Error('again')),
  fatal: () => Promise.reject(new NonRetryableError('never again')),
  later: () => Promise.reject(new RetryLaterError({ after: 3_600_000 }, 'not yet')),
  snooze: (_payload, context) => (context.attempt < 3 ? context.snooze(1) : 'rested'),
  hang: (_payload, context) => aborted(context),
};

/** Lets all of it happen, and waits until nothing is left that could go on by itself. */
export async function live(site: Site, all: readonly Happening[]): Promise<void> {
  const ids: string[] = [];
  await site.ledger.enqueue('hang', {}, QUICKLY);
  await eventually(async () => expect(await lose(site)).toHaveLength(1));
  for (const one of all) await happen(site, ids, one);
  await eventually(
    async () => {
      const { states } = await site.ledger.stats();
      expect(states.available + states.running).toBe(0);
      expect(await site.sql(SOON)).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );
}

const QUICKLY = {
  ...{ maxAttempts: 3, timeout: 300 },
  retry: { type: 'fixed', baseMs: 0, jitter: 'none' },
} as const;

const SOON = `select from jobledger.scheduled where run_at < clock_timestamp() + interval '1 minute'`;

async function happen(site: Site, ids: string[], one: Happening): Promise<void> {
  if (one.does === 'enqueue') {
    const { ending, count, delay } = one;
    const item = { ...QUICKLY, job: ending, payload: {}, delay };
    const made = await site.ledger.enqueueMany(Array.from({ length: count }, () => item));
    ids.push(...made.map(({ id }) => id));
  } else if (one.does === 'lose') await lose(site);
  else if (ids.length > 0) await interfere(site.ledger, one.does, ids[one.at % ids.length]!);
}

/** A worker that runs something is taken for dead. */
function lose({ sql }: Site): Promise<object[]> {
  return sql(`update jobledger.workers set dead_at = clock_timestamp()
    where id = (select worker from jobledger.leases order by random() limit 1) returning id`);
}

/** What the job's state does not allow is refused, which is as good as anything. */
async function interfere(
  ledger: Ledger,
  command: (typeof COMMANDS)[number],
  id: string,
): Promise<void> {
  const calls = {
    cancel: () => ledger.cancel(id, by),
    retry: () => ledger.retry(id, by),
    discard: () => ledger.discard(id, by),
    reschedule: () => ledger.reschedule(id, { ...by, runAt: new Date(Date.now() + 3_600_000) }),
    reprioritize: () => ledger.reprioritize(id, { ...by, priority: 3 }),
  };
  await calls[command]().catch((error: unknown) => {
    if (!isLedgerError(error) || error.code !== 'ILLEGAL_STATE') throw error;
  });
}
