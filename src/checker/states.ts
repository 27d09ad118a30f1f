/** A job's states, as docs/state-machine.md draws them. */
export const STATES = [
  ...(['scheduled', 'available', 'retrying', 'running'] as const),
  ...(['succeeded', 'failed', 'canceled', 'discarded'] as const),
] as const;

/** One of `STATES`. */
export type State = (typeof STATES)[number];

/** States in which nothing more is to be done. */
export const END_STATES: ReadonlySet<string> = new Set<State>([
  ...(['succeeded', 'failed', 'canceled', 'discarded'] as const),
]);

const WAITING = ['scheduled', 'available', 'retrying'] as const;

/**
 * In which states each event may come. `JobEnqueued` comes in none: it begins the stream. A waiting
 * job may start whether it was due or came due without an event.
 */
export const MAY_COME_IN: { readonly [type: string]: readonly State[] } = {
  JobEnqueued: [],
  JobDeduplicated: STATES,
  OutcomeRejected: STATES,
  AttemptStarted: WAITING,
  ProgressReported: ['running'],
  AttemptSucceeded: ['running'],
  AttemptFailed: ['running'],
  AttemptLost: ['running'],
  AttemptReleased: ['running'],
  JobSnoozed: ['running'],
  CancelRequested: ['running'],
  JobCanceled: [...WAITING, 'running'],
  JobRetried: ['failed'],
  JobRescheduled: ['scheduled', 'retrying'],
  JobReprioritized: WAITING,
  JobDiscarded: [...WAITING, 'failed'],
};

/** The forms of each event that the checker can judge: all are in their first unless said here. */
export const FORMS: { readonly [type: string]: readonly number[] } = {
  JobRescheduled: [1, 2],
};

/** Events that end the running attempt; after a requested cancel only the first and the last may. */
export const OUTCOMES: ReadonlySet<string> = new Set([
  'AttemptSucceeded',
  ...['AttemptFailed', 'AttemptLost', 'AttemptReleased', 'JobSnoozed'],
]);
