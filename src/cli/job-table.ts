import type { ListedJob } from '../index.js';
import { shorten, table, time } from './text.js';

/** Jobs, one a line, with why they wait or failed. */
export function jobTable(jobs: readonly ListedJob[]): string {
  const notes = jobs.map(noteOf);
  const due = jobs.some((job) => job.runAt !== null);
  const header = ['id', 'short', 'state', 'kind', 'queue', 'priority', 'attempt', 'created (UTC)'];
  return table(
    [
      ...header,
      ...(due ? ['due (UTC)'] : []),
      ...(notes.some((note) => note !== '') ? ['note'] : []),
    ],
    jobs.map((job, index) => [
      job.id,
      job.shortId ?? 'inbox',
      job.state,
      job.kind,
      job.queue,
      job.priority,
      `${job.attempt}/${job.maxAttempts}`,
      time(job.createdAt),
      ...(due ? [time(job.runAt)] : []),
      notes[index] ?? '',
    ]),
  );
}

function noteOf(job: ListedJob): string {
  if (job.setAside !== undefined) return `set aside: ${job.setAside}`;
  if (job.note !== undefined) return job.note;
  const error = [job.category, job.message].filter((part) => part !== undefined).join(': ');
  if (job.failedAt === undefined) return shorten(error, 120);
  return shorten(`${time(job.failedAt)} ${job.decision ?? ''}  ${error}`, 120);
}
