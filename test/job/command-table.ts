import type { JobCommand, Rejection } from '../../src/job/commands.js';
import type { EventType } from '../../src/job/events.js';
import * as give from './commands.js';
import { SITUATION_NAMES } from './situations.js';
import type { Situation } from './situations.js';

type Cell = EventType | Rejection['rejected'];
type Row = { readonly [S in Situation]: Cell };

/** The commands of the table, all about attempt 1 of worker 7 where they name one. */
export const TABLE_COMMANDS = {
  EnqueueJob: give.enqueue(),
  StartAttempt: give.start(),
  SucceedAttempt: give.succeed(),
  FailAttempt: give.fail(),
  ReleaseAttempt: give.release(),
  SnoozeAttempt: give.snooze(),
  LoseAttempt: give.lose(),
  EndCanceledAttempt: give.endCanceled(),
  ReportProgress: give.progress(),
  RecordDuplicate: give.duplicate(),
  RejectOutcome: give.rejectOutcome(),
  CancelJob: give.cancel(),
  RetryJob: give.retry(),
  DiscardJob: give.discard(),
  RescheduleJob: give.reschedule(),
  ReprioritizeJob: give.reprioritize(),
} as const satisfies { readonly [T in JobCommand['type']]: JobCommand };

/** What every command leads to in every situation. The docs print this table. */
export const COMMAND_TABLE: { readonly [T in JobCommand['type']]: Row } = {
  EnqueueJob: { ...everywhere('JOB_EXISTS'), none: 'JobEnqueued' },
  StartAttempt: { ...everywhere('ILLEGAL_STATE'), ...waiting('AttemptStarted') },
  SucceedAttempt: {
    ...everywhere('OutcomeRejected'),
    running: 'AttemptSucceeded',
    canceling: 'AttemptSucceeded',
  },
  FailAttempt: {
    ...everywhere('OutcomeRejected'),
    running: 'AttemptFailed',
    canceling: 'JobCanceled',
  },
  ReleaseAttempt: {
    ...everywhere('OutcomeRejected'),
    running: 'AttemptReleased',
    canceling: 'JobCanceled',
  },
  SnoozeAttempt: {
    ...everywhere('OutcomeRejected'),
    running: 'JobSnoozed',
    canceling: 'JobCanceled',
  },
  LoseAttempt: {
    ...everywhere('STALE_ATTEMPT'),
    running: 'AttemptLost',
    canceling: 'JobCanceled',
  },
  EndCanceledAttempt: {
    ...everywhere('STALE_ATTEMPT'),
    running: 'ILLEGAL_STATE',
    canceling: 'JobCanceled',
  },
  ReportProgress: {
    ...everywhere('STALE_ATTEMPT'),
    running: 'ProgressReported',
    canceling: 'ProgressReported',
  },
  RecordDuplicate: everywhere('JobDeduplicated'),
  RejectOutcome: everywhere('OutcomeRejected'),
  CancelJob: {
    ...everywhere('ILLEGAL_STATE'),
    ...waiting('JobCanceled'),
    running: 'CancelRequested',
  },
  RetryJob: { ...everywhere('ILLEGAL_STATE'), failed: 'JobRetried' },
  DiscardJob: {
    ...everywhere('ILLEGAL_STATE'),
    ...waiting('JobDiscarded'),
    failed: 'JobDiscarded',
  },
  RescheduleJob: {
    ...everywhere('ILLEGAL_STATE'),
    scheduled: 'JobRescheduled',
    retrying: 'JobRescheduled',
  },
  ReprioritizeJob: { ...everywhere('ILLEGAL_STATE'), ...waiting('JobReprioritized') },
};

/** The table as Markdown; refusals are a dash, so that the eye finds what is allowed. */
export function commandTableMarkdown(): string {
  const columns = SITUATION_NAMES.filter((situation) => situation !== 'none');
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = Object.entries(COMMAND_TABLE)
    .filter(([command]) => command !== 'EnqueueJob')
    .map(([command, row]) => line([command, ...columns.map((column) => shown(row[column]))]));
  return [line(['', ...columns]), line(['---', ...columns.map(() => '---')]), ...rows].join('\n');
}

function shown(cell: Cell): string {
  return /^[A-Z_]+$/.test(cell) ? '–' : cell;
}

/** One answer wherever there is a job, and none without. */
function everywhere(cell: Cell): Row {
  const rest = SITUATION_NAMES.map((situation) => [situation, cell] as const);
  return { ...(Object.fromEntries(rest) as Row), none: 'JOB_NOT_FOUND' };
}

function waiting(cell: Cell): Pick<Row, 'scheduled' | 'available' | 'retrying'> {
  return { scheduled: cell, available: cell, retrying: cell };
}
