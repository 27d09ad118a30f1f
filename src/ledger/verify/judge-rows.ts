import { isTerminal, stateAt, type JobState } from '../../job/state.js';
import { PLACES, type DispatchRow, type DispatchRows, type Place } from './dispatch-rows.js';

/** What a partition's log says of its jobs. */
export interface Folded {
  readonly states: ReadonlyMap<string, JobState>;
  readonly unreadable: ReadonlyMap<string, string>;
}

/** A dispatch row and where it stands. */
export interface Placed {
  readonly table: Place;
  readonly row: DispatchRow;
}

/** A row that the log does not give, and why. */
export interface WrongRow extends Placed {
  readonly problems: readonly string[];
  /** The log does not know the job. */
  readonly isStray: boolean;
}

export interface RowJudgement {
  /** The one row of each job that is as the log says. */
  readonly right: ReadonlyMap<string, Placed>;
  readonly wrong: readonly WrongRow[];
  /** Jobs that have no right row, and must have one. */
  readonly missing: readonly JobState[];
  /** Rows of jobs that this program cannot read. */
  readonly unjudged: readonly Placed[];
}

/** Holds a partition's dispatch rows against the fold of its log, both ways. Pure. */
export function judgeRows(folded: Folded, rows: DispatchRows, now: string): RowJudgement {
  const right = new Map<string, Placed>();
  const suspects: WrongRow[] = [];
  const unjudged: Placed[] = [];
  for (const table of PLACES) {
    for (const row of rows[table]) {
      const state = folded.states.get(row.job_id);
      if (folded.unreadable.has(row.job_id)) {
        unjudged.push({ table, row });
        continue;
      }
      const problems = state === undefined ? [STRAY] : rowProblems(table, row, state, now);
      if (problems.length === 0 && !right.has(row.job_id)) right.set(row.job_id, { table, row });
      else suspects.push({ table, row, problems, isStray: state === undefined });
    }
  }
  const wrong = suspects.map((one) =>
    right.has(one.row.job_id) ? { ...one, problems: [TWICE] } : one,
  );
  const missing = [...folded.states.values()].filter(
    ({ id, state }) => !isTerminal(state) && !right.has(id) && !folded.unreadable.has(id),
  );
  return { right, wrong, missing, unjudged };
}

const STRAY = 'the job is not in the log';
const TWICE = 'the job has more than one dispatch row';

/** The table that a job belongs to by its state; undefined if it has ended. */
export function placeOf({ state }: JobState): Place | undefined {
  if (isTerminal(state)) return undefined;
  if (state === 'running') return 'leases';
  return state === 'available' ? 'ready' : 'scheduled';
}

function rowProblems(table: Place, row: DispatchRow, state: JobState, now: string): string[] {
  const problems: string[] = [];
  const expect = (name: string, inRow: unknown, inLog: unknown) => {
    if (inRow !== inLog)
      problems.push(`${name} is ${String(inRow)} in ${table}, ${String(inLog)} by the log`);
  };
  // What is due may stand in either of the waiting tables.
  const isDue = stateAt(state, now) === 'available';
  const fits = placeOf(state) === table || (isDue && table === 'ready');
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
    const isCanceling = (row.cancel_at_iso ?? null) !== null;
    expect('worker', row.worker, state.worker);
    expect('claim', row.claim, state.claim);
    expect('cancel requested', isCanceling, state.cancelRequested !== undefined);
  }
  return problems;
}
