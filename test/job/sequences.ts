import fc from 'fast-check';
import type { JobCommand } from '../../src/job/commands.js';
import type { JobState } from '../../src/job/state.js';
import * as give from './commands.js';
import { errorRecord } from './stream.js';

/** A command as it is meant once the state is known: most are about the attempt that runs. */
export type Move = (state: JobState | undefined) => JobCommand;

/** Enqueues first, mostly, and then whatever comes: from the right worker and the wrong one, in time and late. */
export function moves(): fc.Arbitrary<readonly Move[]> {
  return fc
    .tuple(enqueues(), fc.array(anyMove(), { maxLength: 40, size: 'max' }))
    .map(([first, rest]) => [first, ...rest]);
}

const worker = fc.oneof({ weight: 8, arbitrary: fc.constant(7) }, fc.constant(8));
const behind = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 2 }));
const delayMs = fc.integer({ min: 0, max: 100_000 });

function anyMove(): fc.Arbitrary<Move> {
  return fc.oneof(
    { weight: 8, arbitrary: worker.map((id) => () => give.start({ worker: id })) },
    { weight: 8, arbitrary: outcomes() },
    { weight: 2, arbitrary: reaperMoves() },
    { weight: 4, arbitrary: operatorMoves() },
    fc.constant(() => give.duplicate()),
    enqueues(),
  );
}

function enqueues(): fc.Arbitrary<Move> {
  const data = fc.record(
    {
      maxAttempts: fc.integer({ min: 1, max: 4 }),
      runAt: fc.constantFrom('2020-01-01T00:00:00.000000Z', '2030-01-01T00:00:00.000000Z'),
    },
    { requiredKeys: ['maxAttempts'] },
  );
  return data.map((over) => () => give.enqueue(over));
}

const GIVE = {
  succeed: give.succeed,
  release: give.release,
  snooze: give.snooze,
  progress: give.progress,
};

function outcomes(): fc.Arbitrary<Move> {
  const kind = fc.constantFrom('succeed', 'fail', 'release', 'snooze', 'progress');
  const failure = fc.record({ retryable: fc.boolean(), delayMs });
  return fc.tuple(kind, worker, behind, failure).map(([what, id, back, failed]) => (state) => {
    const attempt = (state?.attempt ?? 0) - back;
    if (what !== 'fail') return GIVE[what](attempt, { worker: id });
    const delay = { delayMs: failed.delayMs, policy: 'any' };
    const error = errorRecord({ retryable: failed.retryable });
    return give.fail(attempt, { worker: id, error, delay });
  });
}

function reaperMoves(): fc.Arbitrary<Move> {
  return fc.tuple(fc.boolean(), behind).map(([ends, back]) => (state) => {
    const attempt = (state?.attempt ?? 0) - back;
    return ends ? give.endCanceled(attempt) : give.lose(attempt);
  });
}

function operatorMoves(): fc.Arbitrary<Move> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(() => give.cancel()) },
    {
      weight: 4,
      arbitrary: fc
        .integer({ min: 1, max: 3 })
        .map((extraAttempts) => () => give.retry({ extraAttempts })),
    },
    fc.constant(() => give.discard()),
    { weight: 4, arbitrary: fc.constant(() => give.reschedule()) },
    fc.integer({ min: -9, max: 9 }).map((priority) => () => give.reprioritize(priority)),
  );
}
