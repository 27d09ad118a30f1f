import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobState } from '../../src/job/state.js';
import { concernsOf, foldBatch, keyText } from '../../src/projector/fold-batch.js';
import type { Row } from '../../src/index.js';
import { jobs } from '../../projections/jobs.js';
import { moves } from '../job/sequences.js';
import { Stream } from '../job/stream.js';

test('the row of a job says what its fold says, whatever the batches', () => {
  fc.assert(
    fc.property(moves(), fc.array(fc.nat(5), { minLength: 1 }), (sequence, cuts) => {
      const stream = new Stream();
      for (const move of sequence) stream.give(move(stream.state));
      if (stream.state === undefined) return;
      expect(inBatches(stream, cuts)).toMatchObject(expected(stream.state));
    }),
  );
});

/** The row after all events, folded in batches of these sizes. */
function inBatches({ events }: Stream, sizes: readonly number[]): Row {
  const rows = new Map<string, Row>();
  for (let at = 0, n = 0; at < events.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length]!);
    const concerns = concernsOf(jobs, events.slice(at, at + size));
    for (const [text, { row }] of foldBatch(jobs, concerns, rows)) rows.set(text, row!);
    at += size;
  }
  expect(rows.size).toBe(1);
  return rows.get(keyText(jobs, { id: events[0]!.streamId }))!;
}

function expected(job: JobState) {
  const { state, version, priority, attempt, counted, maxAttempts } = job;
  const error = job.previousError?.message ?? null;
  return {
    ...{ id: job.id, kind: job.kind, queue: job.queue, state, version, priority },
    ...{ attempt, counted, max_attempts: maxAttempts, enqueued_at: job.createdAt },
    ...{ updated_at: job.updatedAt, worker: job.state === 'running' ? job.worker : null },
    ...(job.state === 'succeeded' ? { error: null } : { error }),
    ...('runAt' in job ? { due_at: job.runAt } : {}),
    finished_at: 'finishedAt' in job ? job.finishedAt : null,
  };
}
