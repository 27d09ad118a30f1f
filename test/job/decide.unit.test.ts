import { describe, expect, it } from 'vitest';
import { decide } from '../../src/job/decide.js';
import { MAX_ATTEMPTS } from '../../src/job/limits.js';
import * as give from './commands.js';
import { SITUATIONS } from './situations.js';
import { errorRecord, streamOf } from './stream.js';

const running = streamOf(give.enqueue(), give.start()).job;
const lastAttempt = streamOf(give.enqueue({ maxAttempts: 1 }), give.start()).job;
const canceling = SITUATIONS.canceling().job;

describe('a failed attempt', () => {
  it('is retried after the delay that came with it', () => {
    expect(decide(running, give.fail())).toMatchObject([
      {
        type: 'AttemptFailed',
        data: {
          attempt: 1,
          decision: {
            action: 'retry',
            reason: 'retryable',
            policy: 'exponential 1s..1h full',
            delayMs: 2_000,
          },
        },
      },
    ]);
  });

  it('says retry-after where the failed party asked for the delay', () => {
    const error = errorRecord({ category: 'rate-limited', retryAfterMs: 30_000 });
    const delay = { delayMs: 30_000, policy: 'retry-after' };
    expect(decide(running, give.fail(1, { error, delay }))).toMatchObject([
      { data: { decision: { action: 'retry', reason: 'retry-after', delayMs: 30_000 } } },
    ]);
  });

  it('fails at once where trying again cannot help', () => {
    const error = errorRecord({ category: 'validation', retryable: false });
    expect(decide(running, give.fail(1, { error }))).toMatchObject([
      { data: { decision: { action: 'fail', reason: 'non-retryable' } } },
    ]);
  });

  it.each(['unknown-kind', 'invalid-payload'] as const)('fails at once as %s', (cause) => {
    expect(decide(running, give.fail(1, { cause }))).toMatchObject([
      { data: { decision: { action: 'fail', reason: cause } } },
    ]);
  });

  it('fails as exhausted on the last counted attempt, and its error says so', () => {
    expect(decide(lastAttempt, give.fail())).toMatchObject([
      {
        data: {
          decision: { action: 'fail', reason: 'exhausted' },
          error: { lastAttempt: true },
        },
      },
    ]);
  });

  it('passes a note on where a default stood in', () => {
    const delay = { delayMs: 1, policy: 'fixed', note: 'the retry function threw' };
    expect(decide(running, give.fail(1, { delay }))).toMatchObject([
      { data: { decision: { note: 'the retry function threw' } } },
    ]);
  });

  it('keeps the context of its span', () => {
    const meta = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    expect(decide(running, give.fail(1, { meta }))).toMatchObject([{ meta }]);
  });
});

describe('a lost attempt', () => {
  it('is retried and names its worker', () => {
    expect(decide(running, give.lose())).toMatchObject([
      {
        type: 'AttemptLost',
        data: { worker: 7, decision: { action: 'retry', reason: 'lost' } },
      },
    ]);
  });

  it('fails the job on its last counted attempt', () => {
    expect(decide(lastAttempt, give.lose())).toMatchObject([
      {
        data: {
          decision: { action: 'fail', reason: 'exhausted' },
          error: { lastAttempt: true },
        },
      },
    ]);
  });
});

describe('an outcome that comes too late', () => {
  it.each([
    ['of an older attempt', give.succeed(0), 'succeeded'],
    ['of another worker', give.fail(1, { worker: 8 }), 'failed'],
  ] as const)('is recorded as rejected if it is %s', (_, command, outcome) => {
    expect(decide(running, command)).toMatchObject([
      {
        type: 'OutcomeRejected',
        data: { outcome, reason: 'attempt 1 is running at worker 7' },
      },
    ]);
  });
});

describe('a requested cancel', () => {
  it.each([
    ['failed', give.fail()],
    ['released', give.release()],
    ['snoozed', give.snooze()],
    ['lost', give.lose()],
    ['grace-elapsed', give.endCanceled()],
  ] as const)('makes an attempt that %s end as JobCanceled', (ending, command) => {
    expect(decide(canceling, command)).toMatchObject([
      {
        type: 'JobCanceled',
        data: { from: 'running', attempt: 1, ending, reason: 'sent twice' },
        meta: { actor: 'ada' },
      },
    ]);
  });

  it('is survived by success alone', () => {
    expect(decide(canceling, give.succeed())).toMatchObject([{ type: 'AttemptSucceeded' }]);
  });

  it('keeps the error that the canceled attempt ended with', () => {
    const error = errorRecord({ message: 'aborted' });
    expect(decide(canceling, give.fail(1, { error }))).toMatchObject([{ data: { error } }]);
  });

  it('is refused a second time', () => {
    expect(decide(canceling, give.cancel())).toMatchObject({
      rejected: 'ILLEGAL_STATE',
      message: expect.stringContaining('already requested'),
    });
  });
});

describe("an operator's retry", () => {
  const failed = streamOf(
    give.enqueue({ maxAttempts: 2 }),
    give.start(),
    give.fail(1),
    give.start(),
    give.fail(2),
  ).job;

  it('grants one attempt more than were counted', () => {
    expect(decide(failed, give.retry())).toMatchObject([
      { type: 'JobRetried', data: { from: 'failed', extraAttempts: 1, maxAttempts: 3 } },
    ]);
  });

  it('grants as many as it is told and carries a patched payload', () => {
    const payload = { to: 'grace' };
    expect(decide(failed, give.retry({ extraAttempts: 4, payload }))).toMatchObject([
      { data: { maxAttempts: 6, payload } },
    ]);
  });

  it('never raises the limit beyond what the ledger can count', () => {
    expect(decide(failed, give.retry({ extraAttempts: MAX_ATTEMPTS }))).toMatchObject([
      { data: { maxAttempts: MAX_ATTEMPTS } },
    ]);
    expect(decide({ ...failed, counted: MAX_ATTEMPTS }, give.retry())).toMatchObject({
      rejected: 'ILLEGAL_STATE',
    });
  });
});

describe('other commands', () => {
  it('reschedule from the old time to the new one', () => {
    const job = SITUATIONS.retrying().job;
    expect(decide(job, give.reschedule())).toMatchObject([
      {
        data: {
          from: job.state === 'retrying' ? job.runAt : '',
          to: '2026-02-01T00:00:00.000000Z',
          state: 'retrying',
        },
        meta: { actor: 'ada' },
      },
    ]);
  });

  it('reprioritize from the old priority to the new one', () => {
    expect(decide(SITUATIONS.available().job, give.reprioritize(9))).toMatchObject([
      { data: { from: 0, to: 9 } },
    ]);
  });

  it('refuse to discard in one line that names job, state and need', () => {
    expect(decide(running, give.discard())).toEqual({
      rejected: 'ILLEGAL_STATE',
      message: `job ${running.id} is running; only a waiting or failed job can be discarded`,
    });
  });
});
