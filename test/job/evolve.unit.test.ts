import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../src/job/events.js';
import { evolve, fold } from '../../src/job/evolve.js';
import { IllegalEvent } from '../../src/job/illegal-event.js';
import { stateAt } from '../../src/job/state.js';
import * as give from './commands.js';
import { SAMPLE_EVENTS } from './sample-events.js';
import { SITUATIONS } from './situations.js';
import { errorRecord, recordedAs, streamOf } from './stream.js';

describe('folding a stream', () => {
  it('gives nothing for no events', () => {
    expect(fold([])).toBeUndefined();
  });

  it('gives the state that following it event by event gave', () => {
    const stream = streamOf(give.enqueue(), give.start(), give.fail(), give.start());
    expect(fold(stream.events)).toEqual(stream.job);
  });

  it('begins as scheduled if the job is due later, else as available', () => {
    expect(SITUATIONS.scheduled().job).toMatchObject({
      state: 'scheduled',
      runAt: '2026-03-01T00:00:00.000000Z',
      attempt: 0,
      counted: 0,
      version: 1,
    });
    const due = streamOf(give.enqueue({ runAt: '2020-01-01T00:00:00.000000Z' }));
    expect(due.job.state).toBe('available');
  });

  it('counts attempts less those released or snoozed, and never uses a number twice', () => {
    const stream = streamOf(
      give.enqueue(),
      give.start(),
      give.release(1),
      give.start(),
      give.snooze(2),
      give.start(),
    );
    expect(stream.job).toMatchObject({ state: 'running', attempt: 3, counted: 1 });
  });

  it('counts losses in a row', () => {
    const stream = streamOf(give.enqueue(), give.start(), give.lose(1), give.start(), give.lose(2));
    expect(stream.job.losses).toBe(2);
    stream.give(give.start());
    stream.give(give.release(3));
    expect(stream.job.losses).toBe(2);
    stream.give(give.start());
    stream.give(give.snooze(4));
    expect(stream.job.losses).toBe(0);
  });

  it.each([
    ['failure', give.fail(2)],
    ['success', give.succeed(2)],
  ] as const)('forgets losses after a %s', (_, outcome) => {
    const stream = streamOf(give.enqueue(), give.start(), give.lose(1), give.start(), outcome);
    expect(stream.job.losses).toBe(0);
  });

  it('keeps the latest error through a snooze, a release and an operator’s retry', () => {
    const error = errorRecord({ message: 'first' });
    const stream = streamOf(
      give.enqueue({ maxAttempts: 1 }),
      give.start(),
      give.fail(1, { error }),
    );
    const errorAt = stream.events.at(-1)?.position;
    stream.give(give.retry());
    stream.give(give.start());
    stream.give(give.snooze(2));
    stream.give(give.start());
    stream.give(give.release(3));
    expect(stream.job).toMatchObject({ state: 'available', errorAt });
    expect(stream.job.previousError).toMatchObject({ message: 'first' });
  });

  it('keeps the error of a canceled attempt', () => {
    const stream = SITUATIONS.canceling();
    stream.give(give.fail(1, { error: errorRecord({ message: 'aborted' }) }));
    expect(stream.job).toMatchObject({
      state: 'canceled',
      reason: 'sent twice',
      previousError: { message: 'aborted' },
      errorAt: stream.events.at(-1)?.position,
    });
  });

  it('keeps the latest delay, from which decorrelated jitter grows', () => {
    const stream = SITUATIONS.retrying();
    expect(stream.job.previousDelayMs).toBe(2_000);
    stream.give(give.start());
    expect(stream.job.previousDelayMs).toBe(2_000);
  });

  it('takes a patched payload and remembers where it stands', () => {
    const stream = SITUATIONS.failed();
    expect(stream.job.payloadAt).toBe(100);
    stream.give(give.retry({ payload: { to: 'grace' } }));
    expect(stream.job).toMatchObject({
      state: 'available',
      payload: { to: 'grace' },
      payloadAt: stream.events.at(-1)?.position,
      maxAttempts: 2,
    });
  });

  it('leaves nothing of the old state behind in the next', () => {
    const stream = streamOf(give.enqueue(), give.start(), give.progress());
    expect(stream.job).toMatchObject({ worker: 7, progress: { fraction: 0.5 } });
    stream.give(give.fail());
    for (const field of ['worker', 'claim', 'startedAt', 'progress', 'cancelRequested']) {
      expect(stream.job).not.toHaveProperty(field);
    }
  });

  it('keeps the request of a cancel while the attempt runs on', () => {
    expect(SITUATIONS.canceling().job).toMatchObject({
      state: 'running',
      cancelRequested: { reason: 'sent twice', actor: 'ada' },
    });
  });
});

describe('a state at a time', () => {
  it('reads as available once its time has come', () => {
    const job = SITUATIONS.scheduled().job;
    expect(stateAt(job, '2026-02-28T23:59:59.999999Z')).toBe('scheduled');
    expect(stateAt(job, '2026-03-01T00:00:00.000000Z')).toBe('available');
    expect(stateAt(job, '2026-03-01T00:00:00Z')).toBe('available');
  });

  it('stays what it is for jobs that wait for no time', () => {
    expect(stateAt(SITUATIONS.failed().job, '2099-01-01T00:00:00Z')).toBe('failed');
  });
});

describe('an event that cannot follow', () => {
  const running = SITUATIONS.running();
  const next = { version: 3, position: 200, recordedAt: '2026-01-01T01:00:00.000000Z' };
  const succeeded = {
    type: 'AttemptSucceeded',
    data: { attempt: 1, startedAt: '2026-01-01T00:00:01.000000Z', durationMs: 5 },
  } as const satisfies NewEvent;

  it('is refused if a version is missing or comes again', () => {
    for (const version of [2, 4]) {
      const event = recordedAs(succeeded, { ...next, version });
      expect(() => evolve(running.state, event)).toThrow(IllegalEvent);
    }
  });

  it('is refused if it belongs to another stream', () => {
    const event = { ...recordedAs(succeeded, next), streamId: 'another' };
    expect(() => evolve(running.state, event)).toThrow(/another/);
  });

  it('is refused if the stream has not begun', () => {
    expect(() => evolve(undefined, recordedAs(succeeded, next))).toThrow(/begins with JobEnqueued/);
  });

  it('is refused if it begins the stream again', () => {
    const [first] = running.events;
    if (first === undefined) throw new Error('no first event');
    expect(() => evolve(running.state, { ...first, version: 3 })).toThrow(IllegalEvent);
  });

  it.each(['AttemptFailed', 'AttemptLost', 'AttemptReleased', 'JobSnoozed', 'CancelRequested'])(
    'is refused if it is %s after a cancel was requested',
    (type) => {
      const { state } = SITUATIONS.canceling();
      for (const sample of SAMPLE_EVENTS.filter((event) => event.type === type)) {
        const event = recordedAs(sample, { ...next, version: 4 });
        expect(() => evolve(state, event)).toThrow(/cancel was requested/);
      }
    },
  );

  it('is refused if it cancels a running job that nobody asked to cancel', () => {
    const data = { reason: 'x', from: 'running', attempt: 1 } as const;
    const event = recordedAs({ type: 'JobCanceled', data }, next);
    expect(() => evolve(running.state, event)).toThrow(/no cancel was requested/);
  });

  it('is refused if it is about another attempt', () => {
    const event = recordedAs({ ...succeeded, data: { ...succeeded.data, attempt: 2 } }, next);
    expect(() => evolve(running.state, event)).toThrow(/attempt 1 is running/);
  });

  it.each([1, 3])('is refused if it starts attempt %d after attempt 1', (attempt) => {
    const data = { attempt, worker: 7, claim: 2 };
    const event = recordedAs({ type: 'AttemptStarted', data }, { ...next, version: 4 });
    expect(() => evolve(SITUATIONS.retrying().state, event)).toThrow(/attempt 1 was the last/);
  });

  it('is refused if it starts or retries where no attempt is left', () => {
    const job = { ...streamOf(give.enqueue()).job, maxAttempts: 0 };
    const data = { attempt: 1, worker: 7, claim: 2 };
    const start = recordedAs({ type: 'AttemptStarted', data }, { ...next, version: 2 });
    expect(() => evolve(job, start)).toThrow(/no attempt is left/);
    const last = streamOf(give.enqueue({ maxAttempts: 1 }), give.start()).state;
    const [retrying] = SAMPLE_EVENTS.filter((event) => event.type === 'AttemptFailed');
    if (retrying === undefined) throw new Error('no sample');
    expect(() => evolve(last, recordedAs(retrying, next))).toThrow(/no attempt is left/);
  });

  it('is refused if it reschedules from another state than the job’s', () => {
    const data = {
      reason: 'x',
      from: '',
      to: '2027-01-01T00:00:00Z',
      state: 'retrying',
    } as const;
    const event = recordedAs({ type: 'JobRescheduled', data }, { ...next, version: 2 });
    expect(() => evolve(SITUATIONS.scheduled().state, event)).toThrow(/the job is scheduled/);
  });

  it('is refused if it loses the attempt of another worker', () => {
    const [lost] = SAMPLE_EVENTS.filter((event) => event.type === 'AttemptLost');
    if (lost === undefined) throw new Error('no sample');
    const event = recordedAs({ ...lost, data: { ...lost.data, worker: 8 } }, next);
    expect(() => evolve(running.state, event)).toThrow(/worker 7 has it/);
  });

  it('is refused if its type is unknown', () => {
    const event = { ...recordedAs(succeeded, next), type: 'JobPaused' };
    expect(() => evolve(running.state, event as never)).toThrow(/unknown event/);
  });

  it('is refused in a form newer than this program, known as its type is', () => {
    const event = { ...recordedAs(succeeded, next), schemaVersion: 2 };
    expect(() => evolve(running.state, event)).toThrow(/its form 2 is newer than this program/);
    const [first] = running.events;
    expect(() => evolve(undefined, { ...first!, schemaVersion: 2 })).toThrow(
      /newer than this program/,
    );
  });

  it('is refused if a retry has no time', () => {
    const decision = { action: 'retry', reason: 'lost', policy: 'x', delayMs: 1 } as const;
    const data = { attempt: 1, worker: 7, why: 'died', error: errorRecord(), decision };
    const event = recordedAs({ type: 'AttemptLost', data }, next);
    expect(() =>
      evolve(running.state, { ...event, data: { ...data, runAt: undefined } } as never),
    ).toThrow(/no runAt/);
    expect(evolve(running.state, event).state).toBe('retrying');
  });

  it('is named with its place and what stands against it', () => {
    const event = recordedAs(succeeded, { ...next, version: 4 });
    expect(() => evolve(running.state, event)).toThrow(
      /AttemptSucceeded at 3\/200 \(version 4\) cannot follow: version 2 is last/,
    );
  });
});
