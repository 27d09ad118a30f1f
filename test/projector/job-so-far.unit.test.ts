import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobSoFar, RecordedEvent } from '../../src/index.js';
import { evolve } from '../../src/job/evolve.js';
import type { JobState } from '../../src/job/state.js';
import { advance } from '../../src/projector/job-so-far.js';
import { histories } from './histories.js';

test('what read models are told of a job is what its state says, after each event', () => {
  fc.assert(
    fc.property(histories(), (history) => {
      const known = new Map<string, { readonly job: JobSoFar; readonly state: JobState }>();
      for (const event of history.flat()) {
        const { job: before, state: stateBefore } = known.get(event.streamId) ?? {};
        const job = advance(before, event);
        const state = evolve(stateBefore, event);
        expect(job).toMatchObject(asState(state));
        expect(job).toMatchObject(stay(event, state, stateBefore, before));
        known.set(event.streamId, { job, state });
      }
    }),
  );
});

test('an event that does not follow is refused', () => {
  fc.assert(
    fc.property(histories(), fc.nat(), (history, at) => {
      const events = history.flat();
      if (events.length === 0) return;
      const event = events[at % events.length]!;
      const until = events.slice(0, (at % events.length) + 1);
      const own = until.filter(({ streamId }) => streamId === event.streamId);
      const job = own.reduce<JobSoFar | undefined>(advance, undefined);
      expect(() => advance(job, event)).toThrow(/does not follow/);
      expect(() => advance(job, { ...event, version: event.version + 2 })).toThrow(
        /does not follow/,
      );
    }),
  );
});

function asState(state: JobState) {
  const { id, partition, position, payloadAt, version, kind, queue, priority } = state;
  const { attempt, counted, maxAttempts, updatedAt, meta, previousError } = state;
  const { message, category, fingerprint } = previousError ?? {};
  const error = previousError === undefined ? null : { message, category, fingerprint };
  return {
    ...{ id, partition, position, payloadAt, version, kind, queue, priority },
    ...{ attempt, counted, maxAttempts, updatedAt, enqueuedAt: state.createdAt },
    ...{ state: state.state, tenant: meta.tenant ?? null, principal: null },
    ...{ correlationId: null, causationId: null },
    ...('runAt' in state && { dueAt: state.runAt }),
    ...('startedAt' in state && { startedAt: state.startedAt }),
    worker: state.state === 'running' ? state.worker : null,
    finishedAt: 'finishedAt' in state ? state.finishedAt : null,
    error: state.state === 'succeeded' ? null : error,
  };
}

/** A stay begins with a new state, and with a new time to wait for. */
function stay(
  event: RecordedEvent,
  state: JobState,
  stateBefore: JobState | undefined,
  before: JobSoFar | undefined,
) {
  if (before === undefined) return { ...began(event), before: null };
  const isNew = state.state !== stateBefore?.state || event.type === 'JobRescheduled';
  const { since, sinceVersion, sincePosition, dueAt } = before;
  const last = { since, sinceVersion, sincePosition };
  return isNew
    ? { ...began(event), before: { ...last, dueAt, state: before.state } }
    : { ...last, dueAt, before: before.before };
}

function began({ recordedAt, version, position }: RecordedEvent) {
  return { since: recordedAt, sinceVersion: version, sincePosition: position };
}
