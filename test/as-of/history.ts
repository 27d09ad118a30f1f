import fc from 'fast-check';
import { fold } from '../../src/job/evolve.js';
import type { RecordedEvent } from '../../src/job/events.js';
import { isTerminal, stateAt, type JobState, type StateName } from '../../src/job/state.js';
import { moves, type Move } from '../job/sequences.js';
import { Stream } from '../job/stream.js';
import type { Site } from '../worker/site.js';

export const PARTITIONS = 3;
const START = Date.UTC(2021, 5, 1);

/** A job to be: what is decided about it, and when it begins. */
interface Draft {
  readonly moves: readonly Move[];
  readonly startMs: number;
  readonly kind: string;
  readonly queue: string;
  readonly tenant: string | undefined;
  readonly correlationId: string | undefined;
}

const drafts: fc.Arbitrary<Draft> = fc.record({
  moves: moves(),
  // Whole seconds meet the times of other jobs, and retries those of the next events.
  startMs: fc.oneof(
    fc.nat(30).map((s) => s * 1_000),
    fc.nat(30_000),
  ),
  kind: fc.constantFrom('a', `o'k`),
  queue: fc.constantFrom('default', 'q"2', 'z'),
  tenant: fc.option(fc.constantFrom('acme', 'umbrella'), { nil: undefined }),
  correlationId: fc.option(fc.constantFrom('c-1', 'c-2'), { nil: undefined }),
});

/** The events of a ledger with some jobs, by time, each partition's positions dense. */
export const histories: fc.Arbitrary<readonly RecordedEvent[]> = fc
  .array(drafts, { minLength: 1, maxLength: 60, size: 'max' })
  .map((all) => {
    const events = all.flatMap((draft, index) => eventsOf(draft, index));
    events.sort((a, b) => compare(a.recordedAt, b.recordedAt));
    const heads = new Array<number>(PARTITIONS).fill(0);
    return events.map((event) => ({ ...event, position: (heads[event.partition]! += 1) }));
  });

function eventsOf(draft: Draft, index: number): RecordedEvent[] {
  const stream = new Stream(START + draft.startMs);
  for (const move of draft.moves) stream.give(move(stream.state));
  const streamId = `01890a5d-ac96-774b-bcce-${String(index * PARTITIONS).padStart(10, '0')}${hex(index)}`;
  const { kind, queue, tenant, correlationId } = draft;
  return stream.events.map((event) => {
    const meta = event.version === 1 ? { ...event.meta, tenant, correlationId } : event.meta;
    return {
      ...event,
      meta,
      streamId,
      kind,
      queue,
      partition: index % PARTITIONS,
    } as RecordedEvent;
  });
}

/** The last byte of an id names its partition. */
function hex(index: number): string {
  return (index % PARTITIONS).toString(16).padStart(2, '0');
}

/** Writes events as if they had been recorded then. */
export async function write(site: Site, events: readonly RecordedEvent[]): Promise<void> {
  await site.sql(
    `insert into jobledger.events(partition, position, stream_id, version, type, schema_version, kind,
        queue, data, meta, recorded_at)
      select partition, position, "streamId", version, type::jobledger.event_type, "schemaVersion", kind,
        queue, data, meta, "recordedAt"
      from jsonb_to_recordset($1::jsonb) e(partition smallint, position bigint, "streamId" uuid,
        version int, type text, "schemaVersion" smallint, kind text, queue text, data jsonb, meta jsonb,
        "recordedAt" timestamptz)`,
    [JSON.stringify(events)],
  );
}

/** A job as it was: folded in memory. */
export interface Was {
  readonly job: JobState;
  readonly state: StateName;
  /** When it had come into that state. */
  readonly since: string;
}

/** Every job that there was, the latest to come into its state first. */
export function jobsAt(events: readonly RecordedEvent[], at: string): readonly Was[] {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of events)
    if (event.recordedAt <= at)
      streams.set(event.streamId, [...(streams.get(event.streamId) ?? []), event]);
  return [...streams.values()]
    .map((stream) => {
      const job = fold(stream)!;
      return { job, state: stateAt(job, at), since: sinceOf(job, stream, at) };
    })
    .sort((a, b) => compare(b.since, a.since) || compare(b.job.id, a.job.id));
}

const UNMOVED = new Set<string>([
  ...['JobDeduplicated', 'ProgressReported', 'OutcomeRejected', 'CancelRequested'],
  'JobReprioritized',
]);

function sinceOf(job: JobState, stream: readonly RecordedEvent[], at: string): string {
  const moved = stream.findLast(({ type }) => !UNMOVED.has(type))!.recordedAt;
  const dueAt = !isTerminal(job.state) && 'runAt' in job ? job.runAt : moved;
  return dueAt <= at && dueAt > moved ? dueAt : moved;
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The time that an event gives its job, if it gives one. */
export function dueOf(event: RecordedEvent): string | undefined {
  if (event.type === 'JobRescheduled') return event.data.to;
  return 'runAt' in event.data ? event.data.runAt : undefined;
}
