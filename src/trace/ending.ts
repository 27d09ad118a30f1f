import type { Attributes } from '@opentelemetry/api';
import type { ErrorRecord } from '../job/error-record.js';
import type { FailureDecision, NewEvent } from '../job/events.js';
import { ATTRIBUTES as A, type Outcome } from '../telemetry.js';

/** What a span says of how its attempt ended. */
export interface SpanEnding {
  readonly outcome: Outcome;
  readonly attributes: Attributes;
  /** What failed; snoozes, cancels and releases are no errors, whatever the handler threw then. */
  readonly error?: ErrorRecord;
}

/** What the event that ended an attempt makes its span say; undefined if it ends none. */
export function endingOf({ type, data }: Pick<NewEvent, 'type' | 'data'>): SpanEnding | undefined {
  const outcome = outcomeOf({ type, data } as NewEvent);
  if (outcome === undefined) return undefined;
  const { error, decision } = data as Failing;
  const attributes: Attributes = { [A.outcome.name]: outcome };
  if (error === undefined || outcome === 'canceled') return { outcome, attributes };
  attributes[A.errorType.name] = error.name;
  attributes[A.errorCategory.name] = error.category;
  if (decision?.action === 'retry') attributes[A.retryDelayMs.name] = decision.delayMs;
  return { outcome, attributes, error };
}

interface Failing {
  readonly error?: ErrorRecord;
  readonly decision?: FailureDecision;
}

function outcomeOf(event: NewEvent): Outcome | undefined {
  if (event.type === 'AttemptFailed')
    return event.data.decision.action === 'retry' ? 'retrying' : 'failed';
  return OUTCOME_OF[event.type];
}

const OUTCOME_OF: Partial<Record<NewEvent['type'], Outcome>> = {
  AttemptSucceeded: 'succeeded',
  AttemptLost: 'lost',
  AttemptReleased: 'released',
  JobSnoozed: 'snoozed',
  JobCanceled: 'canceled',
  OutcomeRejected: 'rejected',
};
