import { EVENT_VERSIONS, type FormerEvents } from './event-versions.js';
import type { EventType, JobEvents } from './events.js';

/**
 * How to write a type in the version before its newest. A new version is read for one release before
 * it is written, so that while a release is rolled out, programs of the one before can read
 * everything; in that release the type is named here, in the next the line goes. JobEnqueued and
 * AttemptStarted, made by statements of their own, cannot be.
 */
const AS_BEFORE: AsBefore = {};

/** Of each type, its newest data in its last former version. */
export type AsBefore = {
  readonly [T in Exclude<keyof FormerEvents, 'JobEnqueued' | 'AttemptStarted'>]?: (
    data: JobEvents[T],
  ) => Last<FormerEvents[T]>;
};

type Last<Forms extends readonly unknown[]> = Forms extends readonly [...unknown[], infer Form]
  ? Form
  : never;

/** The schema version in which this program writes a type. */
export function writtenVersion(type: EventType, asBefore = AS_BEFORE): number {
  return EVENT_VERSIONS[type] - (stepBack(type, asBefore) === undefined ? 0 : 1);
}

/** The data of an event as this program writes it; it reads it in the newest version. */
export function writtenData(event: Written, asBefore = AS_BEFORE): object {
  const { type, data } = event;
  return stepBack(type, asBefore)?.(data) ?? data;
}

interface Written {
  readonly type: EventType;
  readonly data: object;
}

type StepBack = (data: object) => object;

function stepBack(type: EventType, asBefore: AsBefore): StepBack | undefined {
  return (asBefore as Readonly<Partial<Record<EventType, StepBack>>>)[type];
}
