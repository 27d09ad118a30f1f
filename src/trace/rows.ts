import type { AttemptTrace, JobTrace, Phase } from './job-trace.js';

/** One attempt, or what still waits for one, with the phases that led to it. */
export interface TraceRow {
  readonly attempt: AttemptTrace | undefined;
  readonly phases: readonly Phase[];
  /** Milliseconds until it was due: delays, backoff, snoozes. */
  readonly delayMs: number;
  /** Milliseconds for which it was due and waited for a worker. */
  readonly waitingMs: number;
  readonly runningMs: number;
}

/** The rows of a job's waterfall, in the order of time; what goes on is counted until `now`. */
export function traceRows({ phases, attempts }: JobTrace, now: number): TraceRow[] {
  const rows: TraceRow[] = [];
  let before: Phase[] = [];
  for (const phase of phases) {
    before.push(phase);
    if (phase.what !== 'running') continue;
    const attempt = attempts.find((one) => one.attempt === phase.attempt);
    rows.push(rowOf(attempt, before, now));
    before = [];
  }
  return before.length === 0 ? rows : [...rows, rowOf(undefined, before, now)];
}

function rowOf(attempt: AttemptTrace | undefined, phases: readonly Phase[], now: number): TraceRow {
  const lasting = (...what: readonly Phase['what'][]) =>
    phases
      .filter((phase) => what.includes(phase.what))
      .reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to ?? now, now) - from), 0);
  return {
    ...{ attempt, phases },
    delayMs: lasting('scheduled', 'backoff', 'snoozed'),
    waitingMs: lasting('waiting'),
    runningMs: lasting('running'),
  };
}

/** When a job's story begins and ends, in milliseconds since 1970; one that goes on ends now. */
export function spanOfTime(
  { enqueuedAt, phases }: JobTrace,
  now: number,
): readonly [number, number] {
  const ends = phases.map(({ to }) => Math.min(to ?? now, now));
  return [enqueuedAt, Math.max(enqueuedAt, ...ends)];
}
