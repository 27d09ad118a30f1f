import type { JobCommand } from '../job/commands.js';
import { OUTCOMES } from '../job/decide-outcome.js';
import { formProblem } from '../job/event-versions.js';
import type { RecordedEvent } from '../job/events.js';
import { execute } from '../ledger/outcome/execute.js';
import type { Execution } from '../ledger/outcome/execution.js';
import { readStream } from '../ledger/read.js';
import type { Store } from '../ledger/store.js';
import { wakeFor } from '../ledger/wake.js';
import type { Attempt } from './attempt.js';

/**
 * An outcome that did not fit the lease: decided again on the whole stream. It may be in already
 * (its acknowledgement was lost), a cancel may have come in between, or the attempt is no longer
 * ours: then OutcomeRejected is recorded and nothing else changes.
 */
export async function settleByStream(
  store: Store,
  attempt: Attempt,
  alive: boolean,
): Promise<Late> {
  const recorded = attempt.sentBefore ? await recordedEnd(store, attempt) : undefined;
  if (recorded !== undefined) return { recorded };
  // A worker declared dead has no say, even before the reaper has come round to this attempt.
  const command: JobCommand = alive ? attempt.outcome! : rejected(attempt);
  const [execution] = await execute(store, attempt.claim.partition, [
    { jobId: attempt.jobId, command },
  ]);
  if (execution === undefined) return { execution };
  tell(store, attempt, execution);
  if ('after' in execution) wakeFor(store, execution.after, command.type === 'ReleaseAttempt');
  return { execution };
}

/**
 * Of a job that this program cannot read nothing can be recorded, not even the rejection: nobody here
 * knows what may follow in its stream. Then the line in the log is all that is left of the outcome.
 */
function tell(store: Store, { jobId, row }: Attempt, execution: Execution): void {
  const fields = { code: 'OUTCOME_REJECTED', jobId, kind: row.kind, attempt: row.attempt };
  if ('rejected' in execution) {
    store.log.warn({ ...fields, reason: execution.message }, 'outcome could not be recorded');
  } else if (execution.events[0]?.type === 'OutcomeRejected') {
    store.log.warn(fields, 'outcome rejected');
  }
}

/** What became of it: it was in the ledger already, or this was carried out now. */
export type Late =
  { readonly recorded: RecordedEvent } | { readonly execution: Execution | undefined };

/** Attempt numbers are never used twice and only the lease's holder ends one in these ways. */
async function recordedEnd(store: Store, attempt: Attempt): Promise<RecordedEvent | undefined> {
  const stream = await readStream(store, attempt.jobId);
  return stream.find((event) => {
    if (formProblem(event) !== undefined) return false;
    if (!('attempt' in event.data) || event.data.attempt !== attempt.row.attempt) return false;
    if (event.type === 'JobCanceled') return OUR_ENDINGS.includes(event.data.ending ?? '');
    if (event.type === 'OutcomeRejected') return event.data.worker === attempt.claim.worker;
    return OURS.includes(event.type);
  });
}

const OURS = ['AttemptSucceeded', 'AttemptFailed', 'AttemptReleased', 'JobSnoozed'];
/** Those that the holder's outcome gives a canceled attempt; others are the reaper's or the grace's. */
const OUR_ENDINGS = ['failed', 'released', 'snoozed'];

function rejected(attempt: Attempt): JobCommand {
  return {
    type: 'RejectOutcome',
    attempt: attempt.row.attempt,
    worker: attempt.claim.worker,
    outcome: OUTCOMES[attempt.outcome!.type],
    reason: `worker ${attempt.claim.worker} was declared dead`,
  };
}
