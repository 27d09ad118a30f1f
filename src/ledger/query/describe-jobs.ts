import type { ListedJob } from '../../api-views.js';
import { groupBy } from '../../group-by.js';
import { fold } from '../../job/evolve.js';
import { stateAt, type JobState, type StateName } from '../../job/state.js';
import { partitionOf } from '../ids.js';
import { readStreams, readStreamsAt } from '../read.js';
import type { Store } from '../store.js';

interface DescribeOptions {
  /** The state to show of a job that cannot be read. */
  readonly state?: StateName;
  /** What is shown: a job may have moved on since it was found. */
  readonly only?: (job: JobState, now: string) => boolean;
  /** As they were at this time. */
  readonly asOf?: string;
}

/** What is found is told from the stream, like everything else. */
export async function describe(
  store: Store,
  ids: readonly string[],
  { state: wanted, only = () => true, asOf }: DescribeOptions = {},
): Promise<readonly ListedJob[]> {
  const jobs = new Map<string, ListedJob>();
  for (const [partition, group] of groupBy(ids, (id) => partitionOf(id, store.partitions))) {
    const { events, now } =
      asOf === undefined
        ? await readStreams(store, partition, group)
        : { events: await readStreamsAt(store, partition, group, asOf), now: asOf };
    for (const id of group) {
      const stream = events.get(id) ?? [];
      try {
        const state = fold(stream);
        if (state !== undefined && only(state, now)) jobs.set(id, listed(state, now));
      } catch (error) {
        // An event of a newer program: shown with a note, and the rest of the list goes on.
        const first = stream[0]!;
        jobs.set(
          id,
          unreadable(
            id,
            `${partition}/${first.position}`,
            first.kind,
            first.queue,
            (error as Error).message,
            wanted,
          ),
        );
      }
    }
  }
  return ids.flatMap((id) => jobs.get(id) ?? []);
}

/** A job as lists show it, at a time. */
export function listed(job: JobState, now: string): ListedJob {
  const failed = job.state === 'failed' || job.state === 'retrying' ? job.previousError : undefined;
  return {
    id: job.id,
    shortId: `${job.partition}/${job.position}`,
    kind: job.kind,
    queue: job.queue,
    state: stateAt(job, now),
    priority: job.priority,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    createdAt: job.createdAt,
    runAt: 'runAt' in job ? job.runAt : null,
    ...(job.state === 'failed' ? { failedAt: job.finishedAt, decision: job.decision.reason } : {}),
    ...(failed === undefined ? {} : { category: failed.category, message: failed.message }),
  };
}

function unreadable(
  id: string,
  shortId: string,
  kind: string,
  queue: string,
  message: string,
  wanted: StateName | undefined,
): ListedJob {
  const common = {
    id,
    shortId,
    kind,
    queue,
    priority: 0,
    attempt: 0,
    maxAttempts: 0,
    createdAt: '',
    runAt: null,
  };
  return {
    ...common,
    state: wanted ?? 'available',
    note: `this program cannot read its events: ${message}`,
  };
}
