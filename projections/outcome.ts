import type { EventType, RecordedEvent } from 'jobledger';

/** How an attempt ended. */
export type Outcome =
  | 'succeeded'
  /** Its error ended the job too. */
  | 'failed'
  /** Its error will be followed by another attempt. */
  | 'retried'
  /** Its worker died or lost its lease; the job may have failed by that. */
  | 'lost'
  | 'released'
  | 'snoozed'
  | 'canceled';

/** How the attempt of this event ended by it; undefined if none did. */
export function outcomeOf(event: RecordedEvent): Outcome | undefined {
  if (event.type === 'AttemptFailed')
    return event.data.decision.action === 'fail' ? 'failed' : 'retried';
  // A job that was only waiting has no attempt that could end.
  if (event.type === 'JobCanceled')
    return event.data.attempt === undefined ? undefined : 'canceled';
  return OUTCOMES[event.type];
}

const OUTCOMES: { readonly [T in EventType]?: Outcome } = {
  AttemptSucceeded: 'succeeded',
  AttemptLost: 'lost',
  AttemptReleased: 'released',
  JobSnoozed: 'snoozed',
};
