import { failedStatement, transact, type Statement } from '../../database.js';
import { LedgerError } from '../../errors.js';
import type { JobCommand, Rejection } from '../../job/commands.js';
import { decide, isRejection } from '../../job/decide.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import type { EventMeta, NewEvent, RecordedEvent } from '../../job/events.js';
import { evolve } from '../../job/evolve.js';
import { stateAt, type JobState } from '../../job/state.js';
import { writtenData, writtenVersion } from '../../job/written-form.js';
import { isLockTimeout, isRetryableConflict, isUniqueViolation } from '../../sql-errors.js';
import { terminateHolder } from '../lock-holder.js';
import { addMs } from '../add-ms.js';
import type { Execution } from './execution.js';
import { foldStreams } from './fold-streams.js';
import { placeStatements, type Change } from './place.js';
import { readStreams } from '../read.js';
import { keyRefusal, keyStatements } from '../keys/retake-key.js';
import { EVENT_COLUMNS, head, iso, lockPartition, type Store } from '../store.js';

/** A command to a job of the partition, and what its events say of who and why. */
export interface Order {
  readonly jobId: string;
  readonly command: JobCommand;
  readonly meta?: EventMeta;
  /** Whether the job, as it is when this is decided, is meant at all. */
  readonly only?: (job: JobState, now: string) => boolean;
}

/** More statements for the same transaction, after the append: rows to take along. */
export type Alongside = (changes: readonly Change[]) => readonly Statement[];

export interface ExecuteOptions {
  readonly alongside?: Alongside;
  /** False if a locked partition is to be left for later: the lock time-out is thrown. */
  readonly patient?: boolean;
}

/**
 * The careful path, for everything but enqueue, claim and finish: load the streams, decide, append
 * with the version that was decided on, and bring the dispatch rows along. If a stream has moved
 * meanwhile, its version is taken, the whole batch is rolled back, loaded and decided again. A stream
 * that cannot be read refuses its own orders only.
 */
export function execute(
  store: Store,
  partition: number,
  orders: readonly Order[],
  options: ExecuteOptions = {},
): Promise<readonly Execution[]> {
  const jobIds = orders.map((order) => order.jobId);
  const change = () => carryOut(store, partition, orders, options);
  return store.transitions.around(jobIds, change);
}

async function carryOut(
  store: Store,
  partition: number,
  orders: readonly Order[],
  { alongside = () => [], patient = true }: ExecuteOptions,
): Promise<readonly Execution[]> {
  for (let round = 1; ; round++) {
    const decided = await decideAll(store, partition, orders);
    const keys = keyStatements(store, decided.changes);
    try {
      const stamp = await commit(store, partition, decided, keys, alongside);
      return stamped(decided, stamp);
    } catch (error) {
      if ((failedStatement(error) ?? keys.length) < keys.length)
        throw await keyRefusal(store, decided.changes, error);
      if (isLockTimeout(error)) {
        if (!patient) throw error;
        // Three time-outs are six seconds: nobody of ours keeps a partition that long.
        if (round > 2) await terminateHolder(store, partition);
      }
      const again = isUniqueViolation(error) || isLockTimeout(error) || isRetryableConflict(error);
      if (!again || round === MAX_ROUNDS) throw asConflict(error, again);
    }
  }
}

const MAX_ROUNDS = 20;

interface Decided {
  readonly executions: Execution[];
  readonly changes: Change[];
  readonly appended: RecordedEvent[];
}

async function decideAll(
  store: Store,
  partition: number,
  orders: readonly Order[],
): Promise<Decided> {
  const ids = [...new Set(orders.map((order) => order.jobId))];
  const { events, now } = await readStreams(store, partition, ids);
  const { states: first, unreadable } = foldStreams(store, ids, events);
  const latest = new Map(first);
  const executions: Execution[] = [];
  const appended: RecordedEvent[] = [];
  for (const { jobId, command, meta, only } of orders) {
    const before = latest.get(jobId);
    const isMeant = before === undefined || only === undefined || only(before, now);
    const decision =
      unreadable.get(jobId) ?? (isMeant ? decide(asOf(before, now), command) : UNMATCHED);
    if (isRejection(decision)) {
      executions.push(decision);
      continue;
    }
    const recorded = record(before!, decision, meta, now);
    const after = recorded.reduce<JobState>((state, event) => evolve(state, event), before!);
    latest.set(jobId, after);
    appended.push(...recorded);
    executions.push({ before: before!, after, events: recorded });
  }
  const changes = ids.flatMap((id) => {
    const after = latest.get(id);
    return after !== undefined && after !== first.get(id) ? [{ before: first.get(id), after }] : [];
  });
  return { executions, changes, appended };
}

const UNMATCHED: Rejection = { rejected: 'UNMATCHED', message: 'the job is not among those meant' };

/** What is due reads as available, so that commands are judged by what everybody sees. */
function asOf(state: JobState | undefined, now: string): JobState | undefined {
  if (state === undefined || stateAt(state, now) === state.state) return state;
  return { ...state, state: 'available' } as JobState;
}

/** Decided events as they will stand in the log; position and time are the append's to fill in. */
function record(
  job: JobState,
  decided: readonly NewEvent[],
  meta: EventMeta | undefined,
  now: string,
): RecordedEvent[] {
  return decided.map(
    (event, index) =>
      ({
        partition: job.partition,
        position: 0,
        streamId: job.id,
        version: job.version + index + 1,
        type: event.type,
        schemaVersion: EVENT_VERSIONS[event.type],
        kind: job.kind,
        queue: job.queue,
        data: withRunAt(event, now),
        meta: { ...meta, ...event.meta },
        recordedAt: now,
      }) as RecordedEvent,
  );
}

function withRunAt(event: NewEvent, now: string): object {
  const { data } = event as {
    data: { delayMs?: number; runAt?: string; decision?: { delayMs?: number } };
  };
  const delayMs = data.delayMs ?? data.decision?.delayMs;
  if (delayMs === undefined || data.runAt !== undefined) return data;
  return { ...data, runAt: addMs(now, delayMs) };
}

/** Where and when the first event of a batch was recorded. */
interface Stamp {
  readonly head: number;
  readonly at: string;
}

async function commit(
  store: Store,
  partition: number,
  { changes, appended }: Decided,
  keys: readonly Statement[],
  alongside: Alongside,
): Promise<Stamp | undefined> {
  const extra = alongside(changes);
  if (appended.length === 0 && extra.length === 0) return undefined;
  const results = await transact(store.database, [
    ...keys,
    lockPartition(store, partition),
    ...(appended.length > 0 ? [appendStatement(store, partition, appended)] : []),
    ...placeStatements(store, changes),
    ...extra,
  ]);
  return appended.length > 0 ? (results[keys.length + 1]!.rows[0] as Stamp) : undefined;
}

/** The same executions with their events as they were recorded. */
function stamped({ executions }: Decided, stamp: Stamp | undefined): readonly Execution[] {
  if (stamp === undefined) return executions;
  const latest = new Map<string, JobState>();
  let position = stamp.head;
  return executions.map((one): Execution => {
    if ('rejected' in one) return one;
    const events = one.events.map((event) => {
      position += 1;
      return { ...event, position, recordedAt: stamp.at } as RecordedEvent;
    });
    const before = latest.get(one.before.id) ?? one.before;
    const after = events.reduce<JobState>((state, event) => evolve(state, event), before);
    latest.set(after.id, after);
    return { before, after, events };
  });
}

/** Inserts decided events at the head of the partition. */
function appendStatement(
  store: Store,
  partition: number,
  events: readonly RecordedEvent[],
): Statement {
  const column = <K extends keyof RecordedEvent>(name: K) => events.map((event) => event[name]);
  return {
    text: `with ${head(store, partition, '$1')},
    recorded as (insert into ${store.tables.eventsOf(partition)}(${EVENT_COLUMNS})
    select ${partition}::smallint, head + ord, id, version, type::${store.tables.eventType}, form,
      kind, queue, data, meta, at
    from unnest($2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::jsonb[], $9::jsonb[])
      with ordinality e(id, version, type, form, kind, queue, data, meta, ord), head)
    select head, ${iso('at')} as at from head`,
    values: [
      store.clockShiftMs(),
      column('streamId'),
      column('version'),
      column('type'),
      events.map((event) => writtenVersion(event.type)),
      column('kind'),
      column('queue'),
      events.map((event) => JSON.stringify(writtenData(event))),
      column('meta').map((meta) => JSON.stringify(meta)),
    ],
  };
}

function asConflict(error: unknown, again: boolean): unknown {
  if (!again) return error;
  const text = isLockTimeout(error)
    ? 'another session keeps the partition locked; try again'
    : 'the job kept changing while this was decided; try again';
  return new LedgerError('CONFLICT', text, { cause: error });
}
