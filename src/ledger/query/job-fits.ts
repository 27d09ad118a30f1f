import type { Json } from '../../job/json.js';
import { stateAt, type JobState } from '../../job/state.js';
import type { Filter } from './job-filter.js';

/** Whether a job, folded from its events, fits a filter at a time (UTC, ISO 8601 text). */
export function fits({ states, names, ...filter }: Filter, job: JobState, now: string): boolean {
  if (states !== undefined && !states.includes(stateAt(job, now))) return false;
  const { kind, queue, meta } = job;
  const error = job.state === 'succeeded' ? undefined : job.previousError;
  const actual = {
    ...{ kind, queue, tenant: meta.tenant, principal: meta.principal },
    correlationId: meta.correlationId,
    ...{ errorCategory: error?.category, fingerprint: error?.fingerprint },
  };
  return (
    Object.entries(names).every(([name, value]) => actual[name as keyof typeof actual] === value) &&
    (filter.errorText === undefined || holds(error?.message, filter.errorText)) &&
    filter.payload.every(({ path, value }) => valueAt(job.payload, path) === value) &&
    isWithin(job, filter.times)
  );
}

function holds(text: string | undefined, part: string): boolean {
  return text !== undefined && text.toLowerCase().includes(part.toLowerCase());
}

/** As `#>` of Postgres finds it: elements of lists by their number. */
function valueAt(payload: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = payload;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) value = /^-?\d+$/.test(step) ? value.at(Number(step)) : undefined;
    else value = Object.hasOwn(value, step) ? (value as Record<string, Json>)[step] : undefined;
  }
  return value;
}

/** All are texts of one length, in UTC. */
function isWithin(job: JobState, times: Filter['times']): boolean {
  const { createdAt } = job;
  const finishedAt = 'finishedAt' in job ? job.finishedAt : undefined;
  return (
    (times.enqueuedAfter === undefined || createdAt >= times.enqueuedAfter) &&
    (times.enqueuedBefore === undefined || createdAt < times.enqueuedBefore) &&
    (times.finishedAfter === undefined ||
      (finishedAt !== undefined && finishedAt >= times.finishedAfter)) &&
    (times.finishedBefore === undefined ||
      (finishedAt !== undefined && finishedAt < times.finishedBefore))
  );
}
