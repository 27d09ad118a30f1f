import { decide, isRejection } from '../job/decide.js';
import { succeeded } from '../job/decide-outcome.js';
import { EVENT_VERSIONS } from '../job/event-versions.js';
import type { NewEvent, RecordedEvent } from '../job/events.js';
import { evolve } from '../job/evolve.js';
import type { JobState, StateName } from '../job/state.js';
import { writtenData } from '../job/written-form.js';
import type { Ending } from '../ledger/outcome/finish-statement.js';
import type { Success } from '../ledger/outcome/succeed-statement.js';
import type { Attempt } from './attempt.js';

/** A settled attempt with the event that its outcome leads to, as the statement that ends it takes it. */
export type Decided = DecidedSuccess | DecidedEnding;

export interface DecidedSuccess extends Ended {
  readonly success: Success;
}

export interface DecidedEnding extends Ended {
  readonly ending: Ending;
}

/** How an attempt ended. */
export interface Ended {
  readonly attempt: Attempt;
  readonly event: NewEvent;
  readonly to: StateName;
}

/** Decides an outcome on what the claim told us; whether that still holds is checked under the lock. */
export function decideEnding(attempt: Attempt): Decided {
  const outcome = attempt.outcome!;
  if (outcome.type === 'SucceedAttempt') return decideSuccess(attempt, succeeded(outcome));
  const before = attempt.state();
  const decided = decide(before, outcome);
  if (isRejection(decided) || decided.length !== 1)
    throw new Error('an outcome leads to one event');
  const event = decided[0]!;
  const after = afterEvent(before, event);
  return { attempt, event, to: after.state, ending: endingOf(attempt, event, before, after) };
}

/** By far the commonest end, and the same whatever else the job is: nothing is folded for it. */
function decideSuccess(attempt: Attempt, event: NewEvent): DecidedSuccess {
  const success = {
    jobId: attempt.jobId,
    claim: attempt.claim.claim,
    attempt: attempt.row.attempt,
    data: JSON.stringify(writtenData(event)),
    meta: metaOf(event),
    freesKey: attempt.enqueued.unique?.scope === 'active',
  };
  return { attempt, event, to: 'succeeded', success };
}

function metaOf({ meta }: NewEvent): string {
  return meta === undefined ? '{}' : JSON.stringify(meta);
}

type After = Pick<JobState, 'state' | 'counted' | 'losses'>;

function endingOf(attempt: Attempt, event: NewEvent, before: JobState, after: After): Ending {
  const isEnd = !['scheduled', 'retrying', 'available'].includes(after.state);
  return {
    jobId: before.id,
    claim: attempt.claim.claim,
    attempt: before.attempt,
    type: event.type,
    data: JSON.stringify(writtenData(event)),
    meta: metaOf(event),
    then:
      after.state === 'available'
        ? 'line'
        : isEnd
          ? 'end'
          : (after.state as 'scheduled' | 'retrying'),
    counted: after.counted,
    losses: after.losses,
    delayMs: delayOf(event),
    runAt: event.type === 'JobSnoozed' ? (event.data.runAt ?? null) : null,
    failure: event.type === 'AttemptFailed',
    cancelKnown: false,
    freesKey: isEnd && before.unique?.scope === 'active',
  };
}

function delayOf(event: NewEvent): number | null {
  if (event.type === 'JobSnoozed')
    return event.data.runAt === undefined ? (event.data.delayMs ?? 0) : null;
  if (event.type !== 'AttemptFailed' || event.data.decision.action !== 'retry') return null;
  return event.data.decision.delayMs;
}

/** The state that the event leads to. Its time is the append's to stamp: any will do here. */
function afterEvent(before: JobState, event: NewEvent): JobState {
  const recorded = {
    ...{
      partition: before.partition,
      position: 0,
      streamId: before.id,
      version: before.version + 1,
    },
    ...{
      schemaVersion: EVENT_VERSIONS[event.type],
      kind: before.kind,
      queue: before.queue,
      meta: {},
      recordedAt: before.updatedAt,
    },
    type: event.type,
    data: 'runAt' in event.data ? event.data : { ...event.data, runAt: FAR },
  } as RecordedEvent;
  return evolve(before, recorded);
}

/** Later than any clock: what waits must read as waiting here. */
const FAR = '9999-12-31T23:59:59.999999Z';
