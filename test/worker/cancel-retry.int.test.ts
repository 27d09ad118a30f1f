import { expect, test } from 'vitest';
import { inState, job, openSite, types } from './site.js';

const BY = { actor: 'ada', reason: 'test' };

test('of a cancel and a retry of a failed job at once, the cancel is refused or comes after the retry', async () => {
  const site = await openSite();
  const { ledger } = site;
  const other = await site.open();
  const runnable = job('fails', () => {
    throw new Error('no');
  });
  const worker = await site.start({ jobs: [runnable] });
  const items = Array.from({ length: 30 }, () => ({ job: runnable, payload: 0, maxAttempts: 1 }));
  const made = await ledger.enqueueMany(items);
  for (const { id } of made) await inState(ledger, id, 'failed');
  await worker.stop();
  const before = ['JobEnqueued', 'AttemptStarted', 'AttemptFailed', 'JobRetried'];
  for (const { id } of made) {
    const [canceled, retried] = await Promise.allSettled([
      other.cancel(id, BY),
      ledger.retry(id, BY),
    ]);
    expect(retried.status).toBe('fulfilled');
    const isCanceled = canceled.status === 'fulfilled';
    if (!isCanceled) expect(canceled.reason).toMatchObject({ code: 'ILLEGAL_STATE' });
    expect(await types(ledger, id)).toEqual(isCanceled ? [...before, 'JobCanceled'] : before);
  }
});

test('a cancel while the attempt is being retried ends it once, waiting or running', async () => {
  const site = await openSite();
  const runnable = job('flaky', () => {
    throw new Error('no');
  });
  await site.start({ jobs: [runnable], concurrency: 8 });
  const items = Array.from({ length: 60 }, () => ({
    job: runnable,
    payload: 0,
    maxAttempts: 30_000,
  }));
  const made = await site.ledger.enqueueMany(items);
  // All of them fail and are tried again without a pause, so that each cancel meets another moment.
  await Promise.all(made.map(({ id }) => site.ledger.cancel(id, BY)));
  for (const { id } of made) {
    await inState(site.ledger, id, 'canceled');
    const all = await types(site.ledger, id);
    expect(all.filter((type) => type === 'JobCanceled')).toHaveLength(1);
    expect(all.at(-1)).toBe('JobCanceled');
    const asked = all.indexOf('CancelRequested');
    if (asked >= 0) expect(all.slice(asked)).toEqual(['CancelRequested', 'JobCanceled']);
  }
});
