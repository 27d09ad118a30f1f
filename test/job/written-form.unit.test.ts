import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import type { RecordedEvent } from '../../src/job/events.js';
import { upcast } from '../../src/job/upcast.js';
import { writtenData, writtenVersion, type AsBefore } from '../../src/job/written-form.js';
import { moves } from './sequences.js';
import { Stream } from './stream.js';

/** What this would have been, had version 1 been released before version 2 came. */
const IN_BETWEEN: AsBefore = {
  JobRescheduled: ({ to, ...data }) => ({ ...data, runAt: to }),
};

it.each([
  ['this release', undefined],
  ['a release that writes a type in its former version', IN_BETWEEN],
])('what %s writes reads as what was decided', (_, asBefore) => {
  fc.assert(
    fc.property(moves(), (sequence) => {
      const stream = new Stream();
      for (const move of sequence) stream.give(move(stream.state));
      for (const event of stream.events) expect(readBack(event, asBefore)).toEqual(event);
    }),
  );
});

it('a type that is named is written in its former version, all others in their newest', () => {
  const data = { reason: 'r', state: 'scheduled', from: 'a', to: 'b' } as const;
  const event = { type: 'JobRescheduled', data } as const;
  expect(writtenVersion('JobRescheduled', IN_BETWEEN)).toBe(1);
  expect(writtenData(event, IN_BETWEEN)).toEqual({
    ...{ reason: 'r', state: 'scheduled', from: 'a', runAt: 'b' },
  });
  expect(writtenVersion('JobRescheduled')).toBe(EVENT_VERSIONS.JobRescheduled);
  expect(writtenData(event)).toBe(data);
  expect(writtenVersion('JobDiscarded', IN_BETWEEN)).toBe(EVENT_VERSIONS.JobDiscarded);
});

function readBack(event: RecordedEvent, asBefore: AsBefore | undefined): unknown {
  const schemaVersion = writtenVersion(event.type, asBefore);
  return upcast({ ...event, schemaVersion, data: writtenData(event, asBefore) });
}
