import type { RecordedEvent } from 'jobledger';
import { groupBy } from '../../src/group-by.js';
import { fold } from '../../src/job/evolve.js';
import { upcast } from '../../src/job/upcast.js';
import { isTerminal, type JobState } from '../../src/job/state.js';
import type { LedgerSite } from './ledger.js';

interface DispatchRow {
  readonly place: 'ready' | 'scheduled' | 'leases';
  readonly id: string;
  readonly version: number;
  readonly attempt: number;
  readonly counted: number;
  readonly limit: number;
  readonly priority: number;
  readonly losses: number;
  readonly kind: string;
  readonly queue: string;
  readonly detail: string | null;
}

/**
 * Dispatch rows as the streams imply them, beside those that are there, one line each. A job with a
 * time may stand in either table once the time has come, so `ready` is told as its stream's state.
 */
export async function dispatchLines(
  site: LedgerSite,
): Promise<{ readonly implied: string[]; readonly actual: string[] }> {
  const states = await foldAll(site);
  const rows = await site.ask<{ row: DispatchRow }>(
    ['ready', 'scheduled', 'leases'].map((place) => rowsOf(place)).join(' union all '),
  );
  const keys = await site.ask<{ id: string; key: string }>(
    `select job_id as id, key from jobledger.unique_keys where scope = 'active'`,
  );
  return {
    implied: [...states.values()].flatMap(impliedLines).sort(),
    actual: [
      ...rows.map(({ row }) => lineOf(row, states.get(row.id))),
      ...keys.map(({ id, key }) => `key ${id} ${key}`),
    ].sort(),
  };
}

/** Every stream of the ledger, folded. Throws if one is illegal. */
async function foldAll(site: LedgerSite): Promise<Map<string, JobState>> {
  const events = await site.ask<{ event: RecordedEvent }>(
    `select jsonb_build_object('partition', partition, 'position', position, 'streamId', stream_id,
       'version', version, 'type', type, 'schemaVersion', schema_version, 'kind', kind, 'queue', queue,
       'data', data, 'meta', meta, 'recordedAt',
       to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) as event
     from jobledger.events order by stream_id, version`,
  );
  const streams = groupBy(events, ({ event }) => event.streamId);
  return new Map(
    [...streams].map(([id, stream]) => [id, fold(stream.map(({ event }) => upcast(event)))!]),
  );
}

function rowsOf(place: string): string {
  const detail = {
    ready: 'null',
    scheduled: `to_char(run_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    leases: `worker || ' ' || claim || ' ' || (cancel_at is not null)`,
  }[place];
  return `select jsonb_build_object('place', '${place}', 'id', job_id, 'version', version,
    'attempt', attempt, 'counted', counted, 'limit', max_attempts, 'priority', priority,
    'losses', losses, 'kind', kind, 'queue', queue, 'detail', ${detail}) as row
    from jobledger.${place}`;
}

function lineOf(row: DispatchRow, state: JobState | undefined): string {
  const promoted = row.place === 'ready' && state !== undefined && 'runAt' in state;
  const [place, detail] = promoted ? ['scheduled', state.runAt] : [row.place, row.detail];
  const counts = `${row.attempt}/${row.counted}/${row.limit}/${row.losses}`;
  return `${place} ${row.id} v${row.version} ${counts} p${row.priority} ${row.kind} ${row.queue} ${detail}`;
}

function impliedLines(state: JobState): string[] {
  if (isTerminal(state.state)) return [];
  const { id, version, attempt, counted, maxAttempts, priority, losses, kind, queue } = state;
  const row = { id, version, attempt, counted, limit: maxAttempts, priority, losses, kind, queue };
  const key = state.unique?.scope === 'active' ? [`key ${id} ${state.unique.key}`] : [];
  return [lineOf({ ...row, ...placeOf(state) }, state), ...key];
}

function placeOf(state: JobState): Pick<DispatchRow, 'place' | 'detail'> {
  if ('runAt' in state) return { place: 'scheduled', detail: state.runAt };
  if (state.state !== 'running') return { place: 'ready', detail: null };
  const cancel = state.cancelRequested !== undefined;
  return { place: 'leases', detail: `${state.worker} ${state.claim} ${cancel}` };
}
