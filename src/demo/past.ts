import type { Job, Ledger } from '../index.js';
import { percent } from '../human.js';
import type { AuditedJob, DemoFacts } from './facts.js';
import { heading, rows } from './lines.js';
import type { Screen } from './screen.js';
import { mostEventful } from './timeline.js';

/** A job and a time at which it ran on the worker that was killed. */
export interface Moment {
  readonly job: AuditedJob;
  readonly at: string;
}

/** Reads a job that was lost with its worker as it was: in mid-run, when it was lost, at its end. */
export async function reportPast(
  screen: Screen,
  ledger: Pick<Ledger, 'get'>,
  { lost }: Pick<DemoFacts, 'lost'>,
): Promise<Moment | undefined> {
  const job = mostEventful(lost.map((one) => one.job));
  if (job === undefined) return undefined;
  const [midRun, ...later] = momentsOf(job);
  if (midRun === undefined) return undefined;
  heading(screen, `A lost job as it was at three times: ${job.label}, job ${job.shortId}`);
  const seen = [midRun, ...later].map(async (at) => [
    at,
    told(await ledger.get(job.id, { asOf: at })),
  ]);
  rows(screen, await Promise.all(seen));
  return { job, at: midRun };
}

/** Before its first loss, at it, and at its last event: each the time of an event. */
export function momentsOf({ events }: AuditedJob): readonly string[] {
  const loss = events.findIndex(({ type }) => type === 'AttemptLost');
  return [events[loss - 1], events[loss], events.at(-1)].flatMap((event) =>
    loss < 1 || event === undefined ? [] : [event.recordedAt],
  );
}

function told(job: Job | undefined): string {
  if (job === undefined) return 'not there';
  return `${job.state.padEnd('succeeded'.length)}  ${more(job)}`;
}

function more(job: Job): string {
  if (job.state === 'running') {
    const far = job.progress === undefined ? '' : `, ${percent(job.progress.fraction)} done`;
    return `attempt ${job.attempt} on worker ${job.worker}${far}`;
  }
  const error = job.state === 'succeeded' ? undefined : job.previousError;
  return error === undefined ? `by attempt ${job.attempt}` : error.message;
}
