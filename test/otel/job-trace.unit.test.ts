import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/job/events.js';
import { jobTrace, type JobTrace } from '../../src/trace/job-trace.js';
import { recreate } from '../../src/trace/recreate.js';
import { traceRows } from '../../src/trace/rows.js';

const ID = '01a22fa3-adf1-70e4-8f80-7d27b5e16c98';
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();
const START = Date.parse(at(0));

/** A stream: the second of each event, its type and its data. */
function stream(...facts: readonly (readonly [number, RecordedEvent['type'], object, object?])[]) {
  return facts.map(
    ([seconds, type, data, meta = {}], index) =>
      ({
        ...{
          partition: 8,
          position: index + 1,
          streamId: ID,
          version: index + 1,
          type,
          data,
          meta,
        },
        ...{ schemaVersion: type === 'JobRescheduled' ? 2 : 1, kind: 'k', queue: 'q' },
        recordedAt: at(seconds),
      }) as RecordedEvent,
  );
}

const ENQUEUED = { payload: null, priority: 0, maxAttempts: 5, timeoutMs: null };
const started = (attempt: number) => ({ attempt, worker: 1, claim: attempt });
const ran = (attempt: number, from: number, seconds: number) => ({
  ...{ attempt, startedAt: at(from), durationMs: seconds * 1_000 },
});
const error = { name: 'E', message: 'm', category: 'network', retryable: true, fingerprint: 'f' };
const again = (delayMs: number) => ({ action: 'retry', reason: 'retryable', policy: 'p', delayMs });

function phases(job: JobTrace | undefined) {
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : (ms - START) / 1_000);
  return job!.phases.map(({ what, from, to }) => [what, seconds(from), seconds(to)]);
}

describe('a job’s time', () => {
  it('is until due, waiting, and running, attempt by attempt', () => {
    const job = jobTrace(
      stream(
        [0, 'JobEnqueued', { ...ENQUEUED, runAt: at(5) }],
        [7, 'AttemptStarted', started(1)],
        [11, 'AttemptFailed', { ...ran(1, 8, 2), error, decision: again(20_000), runAt: at(31) }],
        [33, 'AttemptStarted', started(2)],
        [36, 'JobSnoozed', { ...ran(2, 33, 2), delayMs: 10_000, runAt: at(46) }],
        [46, 'AttemptStarted', started(3)],
        [50, 'AttemptSucceeded', ran(3, 46, 3)],
      ),
    );
    expect(phases(job)).toEqual([
      ...[
        ['scheduled', 0, 5],
        ['waiting', 5, 8],
        ['running', 8, 10],
      ],
      ...[
        ['backoff', 10, 31],
        ['waiting', 31, 33],
        ['running', 33, 35],
      ],
      ...[
        ['snoozed', 35, 46],
        ['running', 46, 49],
      ],
    ]);
    const rows = traceRows(job!, START + 100_000);
    expect(
      rows.map(({ delayMs, waitingMs, runningMs }) => [delayMs, waitingMs, runningMs]),
    ).toEqual([
      ...[
        [5_000, 3_000, 2_000],
        [21_000, 2_000, 2_000],
        [11_000, 0, 3_000],
      ],
    ]);
  });

  it('goes on where nothing has ended it', () => {
    const job = jobTrace(stream([0, 'JobEnqueued', ENQUEUED], [2, 'AttemptStarted', started(1)]));
    expect(phases(job)).toEqual([
      ['waiting', 0, 2],
      ['running', 2, undefined],
    ]);
    expect(traceRows(job!, START + 9_000)[0]).toMatchObject({ waitingMs: 2_000, runningMs: 7_000 });
    expect(recreate(job!)).toHaveLength(1);
  });

  it('follows operators: another time, an end, another chance', () => {
    const waiting = stream(
      [0, 'JobEnqueued', { ...ENQUEUED, runAt: at(60) }],
      [3, 'JobRescheduled', { reason: '', state: 'scheduled', from: at(60), to: at(10) }],
    );
    const [discard] = stream([30, 'JobDiscarded', { reason: '', from: 'available' }]);
    expect(phases(jobTrace([...waiting, discard!]))).toEqual([
      ['scheduled', 0, 10],
      ['waiting', 10, 30],
    ]);
    const retried = stream(
      [0, 'JobEnqueued', ENQUEUED],
      [1, 'AttemptStarted', started(1)],
      [
        2,
        'AttemptFailed',
        { ...ran(1, 1, 1), error, decision: { action: 'fail', reason: 'exhausted' } },
      ],
      [50, 'JobRetried', { reason: '', from: 'failed', extraAttempts: 1, maxAttempts: 6 }],
      [55, 'AttemptStarted', started(2)],
      [56, 'AttemptReleased', { attempt: 2, why: 'shutdown' }],
      [57, 'CancelRequested', { reason: '' }],
      [58, 'JobCanceled', { reason: '', from: 'available' }],
    );
    expect(phases(jobTrace(retried))).toEqual([
      ...[
        ['waiting', 0, 1],
        ['running', 1, 2],
        ['waiting', 50, 55],
        ['running', 55, 56],
      ],
      ['waiting', 56, 58],
    ]);
  });

  it('is not told of a job whose first event cannot be read', () => {
    const [enqueued] = stream([0, 'JobEnqueued', ENQUEUED]);
    expect(jobTrace([{ ...enqueued!, schemaVersion: 99 }])).toBeUndefined();
    expect(jobTrace([])).toBeUndefined();
  });
});

describe('re-created spans', () => {
  const parent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const other = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;

  it('have the ids that were recorded; who is in the trace of its enqueue is its child', () => {
    const child = `00-${'a'.repeat(32)}-${'e'.repeat(16)}-01`;
    const events = stream(
      [0, 'JobEnqueued', ENQUEUED, { traceparent: parent }],
      [1, 'AttemptStarted', started(1)],
      [
        2,
        'AttemptFailed',
        { ...ran(1, 1, 1), error, decision: again(0), runAt: at(2) },
        { traceparent: child },
      ],
      [3, 'AttemptStarted', started(2)],
      [4, 'AttemptSucceeded', ran(2, 3, 1), { traceparent: other }],
    );
    const [send, first, second] = recreate(jobTrace(events)!);
    expect(send!.span).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    expect(first).toMatchObject({ span: { spanId: 'e'.repeat(16) }, parent: send!.span });
    expect(second).toMatchObject({ span: { traceId: 'c'.repeat(32) }, parent: undefined });
    expect(second!.links.map(({ context: { spanId } }) => spanId)).toEqual([
      ...['b'.repeat(16), 'e'.repeat(16)],
    ]);
  });

  it('of a job that another enqueued continue that one', () => {
    const cause = jobTrace(
      stream(
        [0, 'JobEnqueued', ENQUEUED],
        [1, 'AttemptStarted', started(1)],
        [2, 'AttemptSucceeded', ran(1, 1, 1), { traceparent: other }],
      ),
    );
    const sent = `00-${'c'.repeat(32)}-${'f'.repeat(16)}-01`;
    const job = jobTrace(stream([0, 'JobEnqueued', ENQUEUED, { traceparent: sent }]))!;
    expect(recreate(job, cause)[0]!.parent).toMatchObject({ spanId: 'd'.repeat(16) });
    expect(recreate(job)[0]!.parent).toBeUndefined();
  });
});
