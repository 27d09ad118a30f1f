import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobState } from '../../src/job/state.js';
import type { Row } from '../../src/index.js';
import { jobs } from '../../projections/jobs.js';
import { moves } from '../job/sequences.js';
import { Stream } from '../job/stream.js';
import { MemoryTable } from './memory-table.js';

test('the row of a job says what its fold says, whatever the stretches', async () => {
  await fc.assert(
    fc.asyncProperty(
      moves(),
      fc.array(fc.nat(5), { minLength: 1 }),
      fc.integer({ min: 1, max: 4 }),
      async (sequence, cuts, page) => {
        const stream = new Stream();
        for (const move of sequence) stream.give(move(stream.state));
        if (stream.state === undefined) return;
        expect(await inStretches(stream, cuts, page)).toMatchObject(expected(stream.state));
      },
    ),
  );
});

/** The row after all events, folded in stretches of these sizes. */
async function inStretches(
  { events }: Stream,
  sizes: readonly number[],
  page: number,
): Promise<Row> {
  const table = new MemoryTable(jobs);
  for (let at = 0, n = 0; at < events.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length]!);
    await table.take(events.slice(at, at + size), page);
    at += size;
  }
  expect(table.rows.size).toBe(1);
  return [...table.rows.values()][0]!;
}

function expected(job: JobState) {
  const { state, version, priority, attempt, counted, maxAttempts } = job;
  const error = job.previousError?.message ?? null;
  return {
    ...{ id: job.id, kind: job.kind, queue: job.queue, state, version, priority },
    ...{ attempt, counted, max_attempts: maxAttempts, enqueued_at: job.createdAt },
    ...{ payload_at: job.payloadAt, position: job.position },
    ...{ updated_at: job.updatedAt, worker: job.state === 'running' ? job.worker : null },
    ...(job.state === 'succeeded' ? { error: null } : { error }),
    ...('runAt' in job ? { due_at: job.runAt } : {}),
    finished_at: 'finishedAt' in job ? job.finishedAt : null,
  };
}
