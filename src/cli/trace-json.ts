import type { StateName } from '../index.js';
import type { JobTrace } from '../trace/job-trace.js';
import { traceRows } from '../trace/rows.js';

/** What `jobledger trace --json` answers. Times are UTC with milliseconds; lengths are milliseconds. */
export function traceJson(job: JobTrace, state: StateName | undefined, now: number): object {
  const { enqueued, send, sendRecorded } = job;
  return {
    id: enqueued.streamId,
    shortId: `${enqueued.partition}/${enqueued.position}`,
    ...{ kind: enqueued.kind, queue: enqueued.queue, state, enqueuedAt: enqueued.recordedAt },
    enqueue: { traceId: send.traceId, spanId: send.spanId, recorded: sendRecorded },
    rows: traceRows(job, now).map(({ attempt, delayMs, waitingMs, runningMs }) => ({
      ...(attempt === undefined ? {} : attemptJson(attempt)),
      ...{ delayMs: rounded(delayMs), waitingMs: rounded(waitingMs) },
      runningMs: rounded(runningMs),
    })),
    phases: job.phases.map(({ what, from, to, attempt }) => ({
      ...{ what, attempt, from: text(from), to: to === undefined ? null : text(to) },
    })),
  };
}

function attemptJson(one: JobTrace['attempts'][number]): object {
  return {
    ...{ attempt: one.attempt, worker: one.worker, outcome: one.outcome ?? null },
    startedAt: text(one.startedAt),
    endedAt: one.endedAt === undefined ? null : text(one.endedAt),
    error: one.ending?.error && {
      name: one.ending.error.name,
      message: one.ending.error.message,
      category: one.ending.error.category,
    },
    ...{ traceId: one.span.traceId, spanId: one.span.spanId, recorded: one.recorded },
  };
}

function text(ms: number): string {
  return new Date(ms).toISOString();
}

/** To the microsecond: what is behind it is noise of the arithmetic. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
