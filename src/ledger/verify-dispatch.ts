import type { Difference } from '../api-views.js';
import { isTerminal, stateAt, type JobState } from '../job/state.js';

/** A dispatch row as the database gives it. */
export interface DispatchRow {
  readonly job_id: string;
  readonly position: number;
  readonly payload_at: number | null;
  readonly error_at: number | null;
  readonly attempt: number;
  readonly counted: number;
  readonly max_attempts: number;
  readonly version: number;
  readonly priority: number;
  readonly losses: number;
  readonly queue: string;
  readonly kind: string;
  readonly state?: string;
  readonly run_at_iso?: string;
  readonly worker?: number;
  readonly claim?: number;
  readonly cancel_at?: Date | null;
}

export interface DispatchRows {
  readonly ready: readonly DispatchRow[];
  readonly scheduled: readonly DispatchRow[];
  readonly leases: readonly DispatchRow[];
  readonly keys: readonly {
    readonly job_id: string;
    readonly scope: string;
    readonly key: string;
    readonly in_inbox: boolean;
  }[];
}

/** Compares a partition's dispatch rows with the fold of its log, both ways. Pure. */
export function compareDispatch(
  partition: number,
  states: ReadonlyMap<string, JobState>,
  rows: DispatchRows,
  now: string,
): Difference[] {
  const found: Difference[] = [];
  const tell = (where: string, jobId: string, text: string) =>
    found.push({ where, partition, jobId, text });
  const placed = new Set<string>();
  for (const table of ['ready', 'scheduled', 'leases'] as const) {
    for (const row of rows[table]) {
      const state = states.get(row.job_id);
      if (state === undefined)
        tell('stray', row.job_id, `${table} has a row of a job that is not in the log`);
      else if (placed.has(row.job_id))
        tell(table, row.job_id, 'the job has more than one dispatch row');
      else for (const text of rowProblems(table, row, state, now)) tell(table, row.job_id, text);
      placed.add(row.job_id);
    }
  }
  for (const state of states.values()) {
    if (!isTerminal(state.state) && !placed.has(state.id)) {
      tell(
        tableOf(state),
        state.id,
        `the log says ${state.state}, but no dispatch table has the job`,
      );
    }
  }
  return [...found, ...keyProblems(partition, states, rows)];
}

function tableOf(state: JobState): string {
  if (state.state === 'running') return 'leases';
  return state.state === 'available' ? 'ready' : 'scheduled';
}

function rowProblems(table: string, row: DispatchRow, state: JobState, now: string): string[] {
  const problems: string[] = [];
  const expect = (name: string, inRow: unknown, inLog: unknown) => {
    if (inRow !== inLog)
      problems.push(`${name} is ${String(inRow)} in ${table}, ${String(inLog)} by the log`);
  };
  // What is due may stand in either of the waiting tables.
  const isDue = stateAt(state, now) === 'available';
  const fits = tableOf(state) === table || (isDue && table === 'ready');
  if (!fits) return [`the log says ${state.state}, but the job stands in ${table}`];
  expect('version', row.version, state.version);
  expect('attempt', row.attempt, state.attempt);
  expect('counted', row.counted, state.counted);
  expect('max_attempts', row.max_attempts, state.maxAttempts);
  expect('priority', row.priority, state.priority);
  expect('losses', row.losses, state.losses);
  expect('position', row.position, state.position);
  expect('payload position', row.payload_at ?? row.position, state.payloadAt);
  expect('error position', row.error_at, state.errorAt ?? null);
  expect('queue', row.queue, state.queue);
  expect('kind', row.kind, state.kind);
  if (table === 'scheduled' && 'runAt' in state) {
    expect('state', row.state, state.state);
    expect('run_at', row.run_at_iso, state.runAt);
  }
  if (state.state === 'running') {
    expect('worker', row.worker, state.worker);
    expect('claim', row.claim, state.claim);
    expect(
      'cancel requested',
      (row.cancel_at ?? null) !== null,
      state.cancelRequested !== undefined,
    );
  }
  return problems;
}

function keyProblems(
  partition: number,
  states: ReadonlyMap<string, JobState>,
  rows: DispatchRows,
): Difference[] {
  const found: Difference[] = [];
  const held = new Set<string>();
  for (const { job_id: jobId, scope, key, in_inbox: inInbox } of rows.keys) {
    held.add(jobId);
    const state = states.get(jobId);
    const name = JSON.stringify(key);
    if (state === undefined && !inInbox) {
      found.push({
        where: 'unique_keys',
        partition,
        jobId,
        text: `key ${name} belongs to a job that is not in the log`,
      });
    } else if (state !== undefined && scope === 'active' && isTerminal(state.state)) {
      found.push({
        where: 'unique_keys',
        partition,
        jobId,
        text: `key ${name} is held by a job that is ${state.state}`,
      });
    }
  }
  for (const state of states.values()) {
    if (state.unique?.scope === 'active' && !isTerminal(state.state) && !held.has(state.id)) {
      const text = `key ${JSON.stringify(state.unique.key)} is not held, but the job is ${state.state}`;
      found.push({ where: 'unique_keys', partition, jobId: state.id, text });
    }
  }
  return found;
}
