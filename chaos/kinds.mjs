// The kinds of jobs of a run, for producers and workers alike: what each does, how it must end, and
// how often it is asked for. A payload says all that a handler needs to know.
import { setTimeout as pause } from 'node:timers/promises';
import { idOf } from './random.mjs';

/** Losses by faults count as attempts: an innocent job must be granted more than a run can take. */
const PLENTY = 40;
const SOON = { type: 'fixed', baseMs: 50, jitter: 'full' };

/**
 * By kind: options, handler, and `ends`, the states in which such a job may end. `exact` are kinds
 * that fail every time and so use up exactly what they were granted.
 */
export const KINDS = {
  plain: {
    ends: ['succeeded'],
    run: ({ ms, laterMs = ms }, { attempt }) => pause(attempt === 1 ? ms : laterMs),
  },
  // Long enough to be under way when its worker is paused or killed.
  slow: { ends: ['succeeded'], run: ({ ms }) => pause(ms) },
  child: { ends: ['succeeded'], run: () => pause(1) },
  delayed: { ends: ['succeeded'], run: () => pause(1) },
  unique: { ends: ['succeeded'], run: ({ ms }) => pause(ms) },
  transactional: { ends: ['succeeded'], run: () => pause(2) },
  sql: { ends: ['succeeded'], run: () => pause(2) },
  bulk: { ends: ['succeeded'], run: () => undefined },
  moved: { ends: ['succeeded', 'discarded'], run: () => pause(1) },
  flaky: {
    ends: ['succeeded'],
    run: ({ fails }, { attempt }) => {
      if (attempt <= fails) throw new Error(`attempt ${attempt} of a flaky job`);
    },
  },
  snoozed: {
    ends: ['succeeded'],
    run: ({ times }, { attempt, snooze }) => (attempt <= times ? snooze(100) : undefined),
  },
  parent: {
    ends: ['succeeded'],
    run: async ({ children }, { jobId, ledger }, tell) => {
      for (let n = 0; n < children; n += 1) {
        const id = idOf(jobId, n);
        tell('asked', { id, kind: 'child', how: 'follow-up' });
        const { created } = await ledger.enqueue(
          'child',
          {},
          { id, maxAttempts: PLENTY, retry: SOON },
        );
        tell('acked', { id, given: id, created });
      }
    },
  },
  canceled: {
    ends: ['canceled', 'succeeded'],
    run: ({ ms, deaf }, { signal }) => pause(ms, undefined, deaf ? {} : { signal }),
  },
  broken: {
    ends: ['failed', 'canceled'],
    exact: true,
    maxAttempts: undefined,
    run: () => {
      throw new Error('always fails');
    },
  },
  hopeless: {
    ends: ['failed'],
    run: (_, __, ___, { NonRetryableError }) => {
      throw new NonRetryableError('cannot be done');
    },
  },
  'timed-out': {
    ends: ['failed'],
    exact: true,
    maxAttempts: undefined,
    run: () => pause(3_000),
  },
  killer: {
    ends: ['failed'],
    exact: true,
    maxAttempts: undefined,
    run: () => {
      process.kill(process.pid, 'SIGKILL');
      return pause(60_000);
    },
  },
};

/** How often each kind is asked for, by weight. */
const SHARES = {
  ...{
    plain: 20,
    slow: 8,
    delayed: 8,
    unique: 12,
    transactional: 12,
    sql: 6,
    bulk: 4,
    moved: 4,
    flaky: 8,
  },
  ...{ snoozed: 6, parent: 6, canceled: 7, broken: 6, hopeless: 3, 'timed-out': 3, killer: 0.25 },
};

/** What a producer does next: its n-th act, by the seed alone. Every kind once, then by weight. */
export function act(random, n) {
  const kind = Object.keys(SHARES)[n - 1] ?? byShare(random);
  const { payload = {}, options = {}, ...more } = DETAILS[kind]?.(random) ?? {};
  const usual = { maxAttempts: PLENTY, retry: SOON, priority: random.pick([0, 0, 0, -1, 2]) };
  return { kind, payload, options: { ...usual, ...options }, ...more };
}

function byShare(random) {
  const total = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
  let left = random.next() * total;
  return Object.keys(SHARES).find((name) => (left -= SHARES[name]) < 0) ?? 'plain';
}

const DETAILS = {
  plain: (random) => ({ payload: { ms: random.whole(0, 30) } }),
  slow: (random) => ({ payload: { ms: random.whole(500, 2_500) } }),
  delayed: (random) => ({ options: { delay: random.whole(100, 3_000) } }),
  unique: (random) => {
    const scope = random.pick(['active', 'active', 'active', 'forever', { within: 2_000 }]);
    const name = typeof scope === 'string' ? scope : 'within';
    const unique = { key: `${name}-${random.whole(1, name === 'forever' ? 40 : 4)}`, scope };
    return { payload: { ms: random.whole(0, 200) }, options: { unique } };
  },
  transactional: (random) => ({ rollBack: random.chance(0.25), holdMs: random.whole(0, 300) }),
  sql: (random) => ({ rollBack: random.chance(0.25), holdMs: random.whole(0, 100) }),
  bulk: (random) => ({ count: random.whole(2, 20), atomic: random.chance(0.5) }),
  moved: (random) => ({
    options: { delay: 2_000 },
    then: {
      what: random.pick(['discard', 'reschedule', 'reprioritize']),
      afterMs: random.whole(10, 500),
    },
  }),
  flaky: (random) => ({ payload: { fails: random.whole(1, 3) } }),
  snoozed: (random) => ({ payload: { times: random.whole(1, 2) } }),
  parent: (random) => ({ payload: { children: random.whole(1, 3) } }),
  canceled: (random) => ({
    payload: { ms: random.whole(100, 1_500), deaf: random.chance(0.2) },
    then: { what: 'cancel', afterMs: random.whole(20, 800) },
  }),
  broken: (random) => ({
    options: { maxAttempts: random.whole(1, 3) },
    ...(random.chance(0.5) && {
      then: { what: 'retry', extra: random.whole(1, 2), beside: random.chance(0.3) },
    }),
  }),
  'timed-out': (random) => ({ options: { maxAttempts: random.whole(1, 2), timeout: 150 } }),
  killer: () => ({ options: { maxAttempts: 2 } }),
};
