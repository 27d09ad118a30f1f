import type { EventType, JobEvents } from './events.js';

/**
 * What versions of `data` carried that are no longer written, oldest first. The log holds them for
 * ever: an entry is never changed. A new one asks, by the compiler, for the next number in
 * `EVENT_VERSIONS` and for a step in `upcast.ts`; and, by a test, for golden files.
 */
export interface FormerEvents {
  JobRescheduled: readonly [
    {
      readonly reason: string;
      readonly from: string;
      readonly runAt: string;
      readonly state: 'scheduled' | 'retrying';
    },
  ];
}

/**
 * The newest schema version of each type: what this program reads every event as, and writes unless
 * `written-form.ts` names the type.
 */
export const EVENT_VERSIONS: { readonly [T in EventType]: VersionOf<T> } = {
  JobEnqueued: 1,
  JobDeduplicated: 1,
  AttemptStarted: 1,
  ProgressReported: 1,
  AttemptSucceeded: 1,
  AttemptFailed: 1,
  AttemptLost: 1,
  AttemptReleased: 1,
  JobSnoozed: 1,
  OutcomeRejected: 1,
  CancelRequested: 1,
  JobCanceled: 1,
  JobRetried: 1,
  JobRescheduled: 2,
  JobReprioritized: 1,
  JobDiscarded: 1,
};

/** The versions of a type that are no longer written. */
export type FormerOf<T extends EventType> = T extends keyof FormerEvents
  ? FormerEvents[T]
  : readonly [];

type VersionOf<T extends EventType> = [...FormerOf<T>, JobEvents[T]]['length'];

/** What tells how an event is to be read. */
export interface EventForm {
  readonly type: string;
  readonly schemaVersion: number;
}

/**
 * Why this program cannot read an event, in words that follow on its name; undefined if it can. To
 * be asked of what `upcast` gives, before `data` is looked at: in another form it may mean anything.
 */
export function formProblem({ type, schemaVersion }: EventForm): string | undefined {
  const newest = NEWEST.get(type);
  if (schemaVersion === newest) return undefined;
  if (newest === undefined) return 'it is an unknown event, newer than this program';
  if (schemaVersion > newest) {
    return `its form ${schemaVersion} is newer than this program, which reads up to form ${newest}`;
  }
  return `its form ${schemaVersion} cannot be brought up to form ${newest}`;
}

const NEWEST: ReadonlyMap<string, number> = new Map(Object.entries(EVENT_VERSIONS));
