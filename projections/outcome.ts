import type { RecordedEvent } from 'jobledger';

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
export function outcomeOf({ type, data }: RecordedEvent): Outcome | undefined {
  switch (type) {
    case 'AttemptSucceeded':
      return 'succeeded';
    case 'AttemptFailed':
      return data.decision.action === 'fail' ? 'failed' : 'retried';
    case 'AttemptLost':
      return 'lost';
    case 'AttemptReleased':
      return 'released';
    case 'JobSnoozed':
      return 'snoozed';
    case 'JobCanceled':
      // A job that was only waiting has no attempt that could end.
      return data.attempt === undefined ? undefined : 'canceled';
    default:
      return undefined;
  }
}
