import type { RunnableJob } from '../../src/index.js';
import { inState, job, lastEvent, type Site } from './site.js';

/** Runs one job of the kind to its end or its first wait; the data of its latest failure. */
export async function failureOf(site: Site, runnable: RunnableJob, options = {}) {
  await site.start({ jobs: [runnable] });
  const { id } = await site.ledger.enqueue(runnable, { a: 1 }, { maxAttempts: 2, ...options });
  await inState(site.ledger, id, 'failed');
  return { id, ...(await lastEvent(site.ledger, id, 'AttemptFailed')).data };
}

/** A kind that always throws this, and waits very long before it is tried again. */
export function throwing(kind: string, error: unknown, options: object = {}): RunnableJob {
  const fail = (): never => {
    throw error;
  };
  return job(kind, fail, {
    retry: { type: 'fixed', baseMs: 3_600_000, jitter: 'none' },
    ...options,
  });
}

/** Runs one job of the kind until it waits for its second attempt. */
export async function retryOf(site: Site, runnable: RunnableJob, options = {}) {
  await site.start({ jobs: [runnable] });
  const { id } = await site.ledger.enqueue(runnable, { a: 1 }, options);
  await inState(site.ledger, id, 'retrying');
  return { id, ...(await lastEvent(site.ledger, id, 'AttemptFailed')).data };
}
