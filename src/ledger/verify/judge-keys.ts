import type { UniqueScope } from '../../job/events.js';
import { isTerminal, type JobState } from '../../job/state.js';
import type { AcceptedKey, DispatchRows, KeyRow } from './dispatch-rows.js';
import type { Folded } from './judge-rows.js';

/** A job with the unique key that its first event names, or its row of the inbox (version 0). */
export interface KeyOwner {
  readonly id: string;
  readonly version: number;
  readonly partition: number;
  readonly tenant: string;
  readonly kind: string;
  readonly key: string;
  readonly scope: UniqueScope;
  /** When a key that is held for a time is free again at the latest, in milliseconds since 1970. */
  readonly expiresMs: number | null;
}

/** A key that is held and should not be, or not so; `owner` if it is the job's own all the same. */
export interface WrongKey {
  readonly row: KeyRow;
  readonly owner: KeyOwner | undefined;
  readonly text: string;
}

export interface KeyJudgement {
  readonly wrong: readonly WrongKey[];
  /** Jobs that do not hold their key, and should. */
  readonly missing: readonly KeyOwner[];
}

/** A key's time is counted from before its job is recorded, by a clock that may have been set. */
const TOLERANCE_MS = 1_000;

/**
 * Holds the unique keys of a partition's jobs against the fold of its log, both ways. A key held for
 * a time may have been taken long before its job came out of the inbox, so only too late an end is
 * wrong; and its absence proves nothing, since it may have ended. Pure.
 */
export function judgeKeys(
  partition: number,
  folded: Folded,
  { keys, accepted }: Pick<DispatchRows, 'keys' | 'accepted'>,
  now: string,
): KeyJudgement {
  const wrong: WrongKey[] = [];
  const held = new Set<string>();
  // A row of the inbox whose job is in the log already will be a note that it was asked for again.
  const coming = accepted.filter(({ job_id: id }) => !folded.states.has(id));
  const guests = new Map(coming.map((row) => [row.job_id, guestOf(partition, row)]));
  for (const row of keys) {
    const problem = folded.unreadable.has(row.job_id) ? undefined : keyProblem(folded, guests, row);
    if (problem === undefined || problem.owner !== undefined) held.add(row.job_id);
    if (problem !== undefined) wrong.push({ row, ...problem });
  }
  const missing: KeyOwner[] = [];
  for (const state of folded.states.values()) {
    if (state.unique === undefined || held.has(state.id) || folded.unreadable.has(state.id))
      continue;
    const owner = ownerOf(state);
    if (owner !== undefined && mustHold(owner, state, Date.parse(now))) missing.push(owner);
  }
  for (const guest of guests.values())
    if (!held.has(guest.id) && mustHold(guest, undefined, Date.parse(now))) missing.push(guest);
  return { wrong, missing };
}

function keyProblem(
  folded: Folded,
  guests: ReadonlyMap<string, KeyOwner>,
  row: KeyRow,
): Omit<WrongKey, 'row'> | undefined {
  const state = folded.states.get(row.job_id);
  const guest = guests.get(row.job_id);
  const name = JSON.stringify(row.key);
  const wrong = (text: string) => ({ owner: undefined, text: `key ${name} ${text}` });
  if (row.in_inbox && guest === undefined) return undefined;
  if (state === undefined && guest === undefined)
    return wrong('belongs to a job that is not in the log');
  const owner = state === undefined ? guest : ownerOf(state);
  if (owner === undefined) return wrong('is held by a job that has none');
  const { tenant, kind, key, scope, expiresMs } = owner;
  if (row.tenant !== tenant || row.kind !== kind || row.key !== key)
    return wrong(
      `is held for ${nameOf(row)}, the job’s is ${JSON.stringify(key)} for ${nameOf(owner)}`,
    );
  if (scope === 'active' && state !== undefined && isTerminal(state.state))
    return wrong(`is held by a job that is ${state.state}`);
  if (row.scope !== scopeName(scope))
    return { owner, text: `key ${name} is held as ${row.scope}, ${scopeName(scope)} by the log` };
  if (expiresMs !== null && row.expires_ms! > expiresMs + TOLERANCE_MS)
    return {
      owner,
      text: `key ${name} is held until ${isoOf(row.expires_ms!)}, ${isoOf(expiresMs)} by the log`,
    };
  return undefined;
}

/** A scope as the table names it. */
export function scopeName(scope: UniqueScope): string {
  return typeof scope === 'object' ? 'within' : scope;
}

/** Undefined if the job has no key, or what stands there is none. */
function ownerOf({ id, version, partition, kind, unique, meta, createdAt }: JobState) {
  if (typeof unique?.key !== 'string') return undefined;
  const { key, scope } = unique;
  const withinMs = typeof scope === 'object' ? scope.withinMs : null;
  const expiresMs = withinMs === null ? null : Date.parse(createdAt) + withinMs;
  return { id, version, partition, tenant: meta.tenant ?? '', kind, key, scope, expiresMs };
}

function guestOf(partition: number, row: AcceptedKey): KeyOwner {
  const { job_id: id, tenant, kind, key, scope, created_at: createdAt } = row;
  const expiresMs = typeof scope === 'object' ? Date.parse(createdAt) + scope.withinMs : null;
  return { id, version: 0, partition, tenant, kind, key, scope, expiresMs };
}

function mustHold(
  { scope, expiresMs }: KeyOwner,
  state: JobState | undefined,
  nowMs: number,
): boolean {
  if (expiresMs !== null) return expiresMs > nowMs;
  return scope === 'forever' || state === undefined || !isTerminal(state.state);
}

function nameOf({ tenant, kind }: { readonly tenant: string; readonly kind: string }): string {
  return tenant === '' ? kind : `${kind} of ${tenant}`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
