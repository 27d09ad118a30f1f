import { decide, isRejection } from '../../src/job/decide.js';
import type { JobCommand, Rejection } from '../../src/job/commands.js';
import type { ErrorRecord } from '../../src/job/error-record.js';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import type { NewEvent, RecordedEvent } from '../../src/job/events.js';
import { evolve } from '../../src/job/evolve.js';
import type { JobState } from '../../src/job/state.js';

export const JOB_ID = '01890a5d-ac96-774b-bcce-b302099a8003';

/** A stream kept in memory: it does for decided events what the append does in the ledger. */
export class Stream {
  readonly events: RecordedEvent[] = [];
  state: JobState | undefined;

  constructor(private nowMs = Date.UTC(2026, 0, 1)) {}

  /** Decides a command and records what follows; answers the events or the refusal. */
  give(command: JobCommand): readonly NewEvent[] | Rejection {
    this.nowMs += 1_000;
    const answer = decide(this.state, command);
    if (isRejection(answer)) return answer;
    for (const event of answer) this.append(event);
    return answer;
  }

  append(event: NewEvent): void {
    const recorded = recordedAs(event, {
      version: this.events.length + 1,
      position: 100 + this.events.length,
      recordedAt: instantOf(this.nowMs),
    });
    this.events.push(recorded);
    this.state = evolve(this.state, recorded);
  }

  get job(): JobState {
    if (this.state === undefined) throw new Error('no event yet');
    return this.state;
  }
}

/** A stream that was given these commands, none of which may be refused. */
export function streamOf(...commands: readonly JobCommand[]): Stream {
  const stream = new Stream();
  for (const command of commands) {
    const answer = stream.give(command);
    if (isRejection(answer)) throw new Error(answer.message);
  }
  return stream;
}

/** An event as the ledger would hold it, its delay turned into a time. */
export function recordedAs(
  event: NewEvent,
  at: { readonly version: number; readonly position: number; readonly recordedAt: string },
): RecordedEvent {
  const delayMs = delayOf(event);
  const data =
    delayMs === undefined
      ? event.data
      : { ...event.data, runAt: instantOf(Date.parse(at.recordedAt) + delayMs) };
  return {
    partition: 3,
    streamId: JOB_ID,
    schemaVersion: EVENT_VERSIONS[event.type],
    kind: 'email.send',
    queue: 'default',
    ...at,
    type: event.type,
    data,
    meta: event.meta ?? {},
  } as RecordedEvent;
}

export function instantOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}

export function errorRecord(over: Partial<ErrorRecord> = {}): ErrorRecord {
  return {
    name: 'Error',
    message: 'the mail server said no',
    category: 'dependency',
    retryable: true,
    fingerprint: '0123456789abcdef',
    ...over,
  };
}

function delayOf({ type, data }: NewEvent): number | undefined {
  if (type === 'JobSnoozed') return data.delayMs;
  if (type !== 'AttemptFailed' && type !== 'AttemptLost') return undefined;
  return data.decision.action === 'retry' ? data.decision.delayMs : undefined;
}
