import type { EventForm, FormerEvents, FormerOf } from './event-versions.js';
import type { EventType, JobEvents } from './events.js';

/**
 * One step for each version of a type that is no longer written, oldest first: it makes of its data
 * that of the next version. Pure, and total: what an event lacks is lacking afterwards too.
 */
const UPCASTERS: { readonly [T in keyof FormerEvents]: Steps<T> } = {
  JobRescheduled: [({ runAt, ...data }) => ({ ...data, to: runAt })],
};

/** The steps from each former version to the one behind it, the last one to the newest. */
type Steps<T extends EventType> = Chain<readonly [...FormerOf<T>, JobEvents[T]]>;

type Chain<Forms extends readonly unknown[]> = Forms extends readonly [
  infer Old,
  infer New,
  ...infer Newer,
]
  ? readonly [(data: Old) => New, ...Chain<readonly [New, ...Newer]>]
  : readonly [];

/** An event as it was stored, whatever else is known of it. */
export interface StoredEvent extends EventForm {
  readonly data: unknown;
}

/**
 * The event in the newest version that this program knows; every reader of stored events calls it.
 * What is in that version, in a newer one, or of an unknown type is given back itself, and so is what
 * was never an event's data: ask `formProblem` before reading `data`.
 */
export function upcast<E extends StoredEvent>(event: E): E {
  const steps = STEPS.get(event.type);
  // Nearly every event ends here: nothing is made anew for it.
  if (steps === undefined || event.schemaVersion > steps.length) return event;
  return raised(event, steps);
}

type Step = (data: object) => object;

/** Types that have ever had another version; no others are in it. */
const STEPS: ReadonlyMap<string, readonly Step[]> = new Map(
  Object.entries(UPCASTERS as unknown as Readonly<Record<string, readonly Step[]>>),
);

function raised<E extends StoredEvent>(event: E, steps: readonly Step[]): E {
  const { schemaVersion, data } = event;
  if (schemaVersion < 1 || typeof data !== 'object' || data === null) return event;
  const rest = steps.slice(schemaVersion - 1);
  const newest = rest.reduce((older, step) => step(older), data);
  return { ...event, schemaVersion: steps.length + 1, data: newest };
}
