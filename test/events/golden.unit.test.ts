import { describe, expect, it } from 'vitest';
import { EVENT_VERSIONS, formProblem } from '../../src/job/event-versions.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { toEvent } from '../../src/ledger/read.js';
import { digestOf, goldenEvents } from './golden.js';

const GUIDE = 'docs/event-versions.md says how to change an event';

/**
 * What ledgers hold of versions that are no longer written, by digest. A line is added when a
 * version is superseded, and never changed: no program can go back and write those events anew.
 */
const FORMER: Readonly<Record<string, string>> = {
  'JobRescheduled.1': '3e72885096ceb8c2',
};

describe('the golden files', () => {
  const golden = goldenEvents();
  const expected = EVENT_TYPES.flatMap((type) =>
    Array.from({ length: EVENT_VERSIONS[type] }, (_, n) => `${type}.${n + 1}`),
  );

  it('are there for every type and version, and for no others', () => {
    const names = golden.map(({ name }) => name);
    const missing = expected.filter((name) => !names.includes(name));
    const strange = names.filter((name) => !expected.includes(name));
    const text = `each needs a file test/events/TYPE.VERSION.json with an event as it is stored; ${GUIDE}`;
    expect(missing, text).toEqual([]);
    expect(strange, `no event has this type and version; ${GUIDE}`).toEqual([]);
  });

  it.each(golden)('$name reads as it did', ({ name, stored, reads }) => {
    expect(`${stored.type}.${stored.schema_version}`).toBe(name);
    expect(toEvent(stored)).toStrictEqual(reads);
    expect(formProblem(reads)).toBeUndefined();
  });

  it('of former versions hold what they always held', () => {
    const former = golden.filter(
      ({ stored, reads }) => stored.schema_version < EVENT_VERSIONS[reads.type],
    );
    const digests = Object.fromEntries(former.map(({ name, stored }) => [name, digestOf(stored)]));
    const text = `ledgers hold these events, whatever this program would write: put what was \`stored\` back and change the upcaster or add a version instead. Of a version that has just been superseded, add the digest. ${GUIDE}`;
    expect(digests, text).toEqual(FORMER);
  });
});
