import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_VERSIONS, formProblem } from '../../src/job/event-versions.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { fold } from '../../src/job/evolve.js';
import { upcast, type StoredEvent } from '../../src/job/upcast.js';
import { goldenEvents } from '../events/golden.js';
import { moves } from './sequences.js';
import { Stream } from './stream.js';

const JSON_OBJECT = fc.dictionary(fc.string(), fc.jsonValue());
const RESCHEDULED = fc.record({
  reason: fc.string(),
  from: fc.string(),
  runAt: fc.string(),
  state: fc.constantFrom('scheduled', 'retrying'),
});

describe('an event in its newest version', () => {
  it('is given back itself, whatever the job went through', () => {
    fc.assert(
      fc.property(moves(), (sequence) => {
        const stream = new Stream();
        for (const move of sequence) stream.give(move(stream.state));
        for (const event of stream.events) expect(upcast(event)).toBe(event);
      }),
    );
  });

  it('is given back itself, whatever its data is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES), fc.jsonValue(), (type, data) => {
        const event = { type, schemaVersion: EVENT_VERSIONS[type], data };
        expect(upcast(event)).toBe(event);
        expect(formProblem(event)).toBeUndefined();
      }),
    );
  });
});

describe('an event in a former version', () => {
  it('is brought up to the newest, and itself left as it was', () => {
    fc.assert(
      fc.property(RESCHEDULED, ({ runAt, ...rest }) => {
        const event = stored('JobRescheduled', 1, { ...rest, runAt });
        expect(upcast(event)).toEqual({
          ...{ type: 'JobRescheduled', schemaVersion: 2 },
          data: { ...rest, to: runAt },
        });
        expect(event.data).toEqual({ ...rest, runAt });
      }),
    );
  });

  it('reads the same once more, and twice', () => {
    for (const { stored: row } of goldenEvents()) {
      const event = stored(row.type, row.schema_version, row.data);
      const once = upcast(event);
      expect(upcast(event)).toEqual(once);
      expect(upcast(once)).toBe(once);
    }
  });

  it('folds to the state that the newest folds to', () => {
    fc.assert(
      fc.property(moves(), (sequence) => {
        const stream = new Stream();
        for (const move of sequence) stream.give(move(stream.state));
        const old = stream.events.map((event) => {
          if (event.type !== 'JobRescheduled') return event;
          const { to, ...data } = event.data;
          return { ...event, schemaVersion: 1, data: { ...data, runAt: to } };
        });
        expect(fold(old.map((event) => upcast(event) as (typeof stream.events)[number]))).toEqual(
          stream.state,
        );
      }),
    );
  });

  it('is not made anything of where its data is none', () => {
    for (const data of [null, 1, 'to', true]) {
      const event = stored('JobRescheduled', 1, data);
      expect(upcast(event)).toBe(event);
      expect(formProblem(event)).toBe('its form 1 cannot be brought up to form 2');
    }
  });
});

describe('an event that this program does not know', () => {
  it('passes through unchanged, and the reason is told', () => {
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES), fc.integer({ min: 1 }), JSON_OBJECT, (...of) => {
        const [type, more, data] = of;
        const version = EVENT_VERSIONS[type] + more;
        const event = stored(type, version, data);
        expect(upcast(event)).toBe(event);
        expect(formProblem(event)).toBe(
          `its form ${version} is newer than this program, which reads up to form ${EVENT_VERSIONS[type]}`,
        );
      }),
    );
  });

  it.each(['JobPaused', 'constructor', '__proto__', ''])('may have a type like "%s"', (type) => {
    const event = stored(type, 1, { a: 1 });
    expect(upcast(event)).toBe(event);
    expect(formProblem(event)).toBe('it is an unknown event, newer than this program');
  });

  it.each([0, -1])('may have the version %i', (version) => {
    const event = stored('JobRescheduled', version, {});
    expect(upcast(event)).toBe(event);
    expect(formProblem(event)).toMatch(/cannot be brought up/);
  });
});

/** Deeply frozen: whoever would change it throws. */
function stored(type: string, schemaVersion: number, data: unknown): StoredEvent {
  return frozen({ type, schemaVersion, data });
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
