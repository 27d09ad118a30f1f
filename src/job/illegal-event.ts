import type { RecordedEvent } from './events.js';
import type { JobState } from './state.js';

/**
 * A stream that no sequence of commands can have written. Whoever folds must stop and say so: a guess
 * would make the views disagree with the log.
 */
export class IllegalEvent extends Error {
  override readonly name = 'IllegalEvent';

  constructor(
    event: RecordedEvent,
    readonly why: string,
  ) {
    const where = `${event.partition}/${event.position} (version ${event.version})`;
    super(`job ${event.streamId}: ${event.type} at ${where} cannot follow: ${why}`);
  }
}

/** Throws IllegalEvent, naming the state that the event met. */
export function illegal(state: JobState, event: RecordedEvent, why?: string): never {
  throw new IllegalEvent(event, why ?? `the job is ${state.state}`);
}
