import type { Rejection } from '../../job/commands.js';
import type { RecordedEvent } from '../../job/events.js';
import type { JobState } from '../../job/state.js';

/** What became of an order: the job after it, or why it was refused. */
export type Execution =
  | {
      readonly before: JobState;
      readonly after: JobState;
      readonly events: readonly RecordedEvent[];
    }
  | Rejection;
