import type { Statement } from '../../database.js';
import type { JobState } from '../../job/state.js';
import { insertReady, insertScheduled, isTimed } from '../verify/insert-rows.js';
import type { Store } from '../store.js';

/**
 * Dispatch rows are a function of the job's state: available → `ready`, scheduled and retrying →
 * `scheduled`, running → `leases`, terminal → none. This file turns a change of state into the
 * statements that bring the rows along, under the partition's lock and beside the append. (The hot
 * path, enqueue, claim and finish, does the same within its own statements.)
 */
export interface Change {
  readonly before: JobState | undefined;
  readonly after: JobState;
}

/** The statements for many jobs of one partition. Every one brings `version` along. */
export function placeStatements(store: Store, changes: readonly Change[]): Statement[] {
  const moved = (from: Place, to: Place) =>
    changes.filter((change) => placeOf(change.before) === from && placeOf(change.after) === to);
  const waiting = moved('waiting', 'waiting');
  // Promotion needs no event, so a job with a new time may stand in either table: take it from both.
  const rescheduled = waiting.filter(hasNewTime);
  const leaving = [
    ...moved('waiting', 'none'),
    ...rescheduled,
    ...moved('leases', 'none'),
    ...moved('leases', 'waiting'),
  ];
  const coming = [...moved('leases', 'waiting'), ...moved('none', 'waiting'), ...rescheduled];
  return [
    ...updateWaiting(
      store,
      waiting.filter((change) => !hasNewTime(change)),
    ),
    ...updateLeases(store, moved('leases', 'leases')),
    ...remove(store, leaving),
    ...insert(store, coming),
    ...freeKeys(store, changes),
  ];
}

type Place = 'waiting' | 'leases' | 'none';

/** Scheduled and available are one place here: promotion moves rows between them without an event. */
function placeOf(state: JobState | undefined): Place {
  switch (state?.state) {
    case undefined:
    case 'succeeded':
    case 'failed':
    case 'canceled':
    case 'discarded':
      return 'none';
    case 'scheduled':
    case 'retrying':
    case 'available':
      return 'waiting';
    case 'running':
      return 'leases';
  }
}

function hasNewTime({ before, after }: Change): boolean {
  const timeOf = (state: JobState | undefined) =>
    state !== undefined && 'runAt' in state ? state.runAt : undefined;
  return timeOf(before) !== timeOf(after);
}

function updateWaiting(store: Store, changes: readonly Change[]): Statement[] {
  if (changes.length === 0) return [];
  return [store.tables.ready, store.tables.scheduled].map((table) => ({
    text: `update ${table} w set version = c.version, priority = c.priority
      from unnest($1::uuid[], $2::int[], $3::smallint[]) c(id, version, priority)
      where w.job_id = c.id`,
    values: [ids(changes), pick(changes, 'version'), pick(changes, 'priority')],
  }));
}

function updateLeases(store: Store, changes: readonly Change[]): Statement[] {
  if (changes.length === 0) return [];
  return [
    {
      text: `update ${store.tables.leases} l set version = c.version,
        cancel_at = case when c.cancel then coalesce(l.cancel_at, clock_timestamp()) end
        from unnest($1::uuid[], $2::int[], $3::int[], $4::bigint[], $5::boolean[])
          c(id, version, worker, claim, cancel)
        where l.worker = c.worker and l.claim = c.claim and l.job_id = c.id`,
      values: [
        ids(changes),
        pick(changes, 'version'),
        changes.map(({ after }) => (after.state === 'running' ? after.worker : null)),
        changes.map(({ after }) => (after.state === 'running' ? after.claim : null)),
        changes.map(
          ({ after }) => after.state === 'running' && after.cancelRequested !== undefined,
        ),
      ],
    },
  ];
}

function remove(store: Store, changes: readonly Change[]): Statement[] {
  const waiting = changes.filter(({ before }) => placeOf(before) === 'waiting');
  const leased = changes.filter(({ before }) => placeOf(before) === 'leases');
  const statements: Statement[] = [];
  if (waiting.length > 0) {
    for (const table of [store.tables.ready, store.tables.scheduled]) {
      statements.push({
        text: `delete from ${table} where job_id = any($1::uuid[])`,
        values: [ids(waiting)],
      });
    }
  }
  if (leased.length > 0) {
    statements.push({
      text: `delete from ${store.tables.leases} where ctid = any(array(
        select l.ctid from unnest($1::uuid[], $2::int[], $3::bigint[]) c(id, worker, claim)
        cross join lateral (select ctid from ${store.tables.leases} l
          where l.worker = c.worker and l.claim = c.claim and l.job_id = c.id offset 0) l))`,
      values: [
        ids(leased),
        leased.map(({ before }) => (before?.state === 'running' ? before.worker : null)),
        leased.map(({ before }) => (before?.state === 'running' ? before.claim : null)),
      ],
    });
  }
  return statements;
}

function insert(store: Store, changes: readonly Change[]): Statement[] {
  const jobs = changes.map(({ after }) => after);
  const lined = jobs.filter((job) => job.state === 'available');
  const waiting = jobs.filter(isTimed);
  return [
    ...(lined.length > 0 ? [insertReady(store, lined)] : []),
    ...(waiting.length > 0 ? [insertScheduled(store, waiting)] : []),
  ];
}

function freeKeys(store: Store, changes: readonly Change[]): Statement[] {
  const ended = changes.filter(
    ({ after }) => after.unique?.scope === 'active' && placeOf(after) === 'none',
  );
  if (ended.length === 0) return [];
  return [
    {
      text: `delete from ${store.tables.uniqueKeys} where job_id = any($1::uuid[]) and scope = 'active'`,
      values: [ids(ended)],
    },
  ];
}

function ids(changes: readonly Change[]): string[] {
  return changes.map(({ after }) => after.id);
}

function pick<K extends keyof JobState>(changes: readonly Change[], name: K): JobState[K][] {
  return changes.map(({ after }) => after[name]);
}
