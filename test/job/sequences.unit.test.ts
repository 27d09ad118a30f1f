import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRejection } from '../../src/job/decide.js';
import type { RecordedEvent } from '../../src/job/events.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { fold } from '../../src/job/evolve.js';
import { jsonProblem } from '../../src/job/json-problem.js';
import { isWaiting } from '../../src/job/state.js';
import type { JobState } from '../../src/job/state.js';
import { moves } from './sequences.js';
import type { Move } from './sequences.js';
import { Stream } from './stream.js';

describe('any sequence of commands', () => {
  it('writes a stream that folds, event by event, to the same state', () => {
    always((stream) => {
      expect(fold(stream.events)).toEqual(stream.state);
      expect(stream.events.map((event) => event.version)).toEqual(
        stream.events.map((_, index) => index + 1),
      );
    });
  });

  it('leads through every event there is, so that these tests see them all', () => {
    const seen = new Set<string>();
    // A fixed seed: this is a fact about the generator, and must not depend on luck.
    always((stream) => stream.events.forEach((event) => seen.add(event.type)), { seed: 1 });
    expect([...seen].sort()).toEqual([...EVENT_TYPES].sort());
  });

  it('changes nothing where a command is refused, and never changes the state it was given', () => {
    fc.assert(
      fc.property(moves(), (sequence) => {
        const stream = new Stream();
        for (const move of sequence) {
          const before = stream.events.length;
          deepFreeze(stream.state);
          const answer = stream.give(move(stream.state));
          const added = isRejection(answer) ? 0 : answer.length;
          expect(stream.events.length).toBe(before + added);
        }
      }),
    );
  });

  it('never counts more attempts than it may, and always leaves one to a waiting job', () => {
    everyState((state) => {
      expect(state.counted).toBeGreaterThanOrEqual(0);
      expect(state.counted).toBeLessThanOrEqual(Math.min(state.attempt, state.maxAttempts));
      if (isWaiting(state)) expect(state.counted).toBeLessThan(state.maxAttempts);
      if (state.state === 'running') expect(state.counted).toBeGreaterThan(0);
    });
  });

  it('numbers attempts 1, 2, 3 … and never uses a number again', () => {
    always((stream) => {
      const numbers = stream.events.flatMap((event) =>
        event.type === 'AttemptStarted' ? [event.data.attempt] : [],
      );
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    });
  });

  it('accepts at most one ending of each attempt', () => {
    always((stream) => {
      const ended = stream.events.filter(isEnding).map((event) => event.data.attempt);
      expect(ended).toEqual([...new Set(ended)]);
    });
  });

  it('lets nothing but success survive a requested cancel', () => {
    always((stream) => {
      const at = stream.events.findLastIndex((event) => event.type === 'CancelRequested');
      const ending = stream.events.slice(at + 1).find(isEnding);
      if (at < 0 || ending === undefined) return;
      expect(['AttemptSucceeded', 'JobCanceled']).toContain(ending.type);
    });
  });

  it('never leaves a state that has ended, but by an operator’s retry or discard', () => {
    everyStep((before, event, after) => {
      if (before.state === after.state || !ENDED.includes(before.state)) return;
      expect(before.state).toBe('failed');
      expect(['JobRetried', 'JobDiscarded']).toContain(event.type);
    });
  });

  it('decides data that JSON carries without loss', () => {
    always((stream) => {
      for (const { type, data } of stream.events) expect(jsonProblem(data, type)).toBeUndefined();
    });
  });
});

const ENDED: readonly string[] = ['succeeded', 'failed', 'canceled', 'discarded'];
const ENDINGS = [
  'AttemptSucceeded',
  'AttemptFailed',
  'AttemptLost',
  'AttemptReleased',
  'JobSnoozed',
  'JobCanceled',
];

/** JobCanceled ends an attempt only if it names one. */
function isEnding(
  event: RecordedEvent,
): event is Extract<RecordedEvent, { data: { attempt: number } }> {
  return ENDINGS.includes(event.type) && 'attempt' in event.data;
}

function always(holds: (stream: Stream) => void, options: { seed?: number } = {}): void {
  const property = fc.property(moves(), (sequence) => holds(played(sequence)));
  fc.assert(property, { numRuns: 200, ...options });
}

function everyStep(holds: (before: JobState, event: RecordedEvent, after: JobState) => void): void {
  always(({ events }) => {
    for (let length = 1; length < events.length; length += 1) {
      const before = fold(events.slice(0, length));
      const event = events[length];
      const after = fold(events.slice(0, length + 1));
      if (before && event && after) holds(before, event, after);
    }
  });
}

function everyState(holds: (state: JobState) => void): void {
  everyStep((_, __, after) => holds(after));
}

function played(sequence: readonly Move[]): Stream {
  const stream = new Stream();
  for (const move of sequence) stream.give(move(stream.state));
  return stream;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.values(value).forEach(deepFreeze);
  Object.freeze(value);
}
