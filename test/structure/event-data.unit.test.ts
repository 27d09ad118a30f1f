import { describe, expect, it } from 'vitest';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import { FORMS } from '../../src/checker/states.js';
import { EVENT_TYPES, type EventType } from '../../src/job/events.js';
import { typescriptUnder } from './source-files.js';

/**
 * Statements that look into `data` as it is stored: no upcaster runs in them. Of each file, the types
 * that it reads and the newest version that it knows; the versions before it, it must know too.
 */
const READERS: Readonly<Record<string, Partial<Record<EventType, number>>>> = {
  'src/ledger/query/tally.ts': { AttemptFailed: 1, AttemptLost: 1, JobRetried: 1, JobDiscarded: 1 },
  'src/ledger/query/list-queries.ts': { AttemptFailed: 1, AttemptLost: 1 },
  'src/ledger/query/bulk-preview.ts': { AttemptFailed: 1, AttemptLost: 1 },
  'src/ledger/query/read-model.ts': { JobEnqueued: 1, JobRetried: 1 },
  'src/ledger/enqueue/existing-jobs.ts': { JobEnqueued: 1 },
  'src/ledger/inbox/inbox-duplicates.ts': { JobEnqueued: 1 },
  'src/checker/keys.ts': { JobEnqueued: 1, AttemptFailed: 1, AttemptLost: 1 },
  // Rows of the inbox whose events were decided already.
  'src/ledger/verify/dispatch-rows.ts': { JobEnqueued: 1 },
  // The checker's own reader, for all forms that it knows: see below.
  'src/checker/logged-event.ts': {},
  // Takes out what says a time in any version, and reads it through the upcasters.
  'src/ledger/query/stats.ts': {},
};

const GUIDE = 'docs/event-versions.md says how to change an event';

describe('SQL that looks into an event’s data', () => {
  it('is only where it is listed here', () => {
    const found = typescriptUnder('src').filter(({ text }) => /\bdata\s*(->|\?\s*')/.test(text));
    const text = `read events through toEvent, or list the file here with what it reads; ${GUIDE}`;
    expect(new Set(found.map(({ path }) => path)), text).toEqual(new Set(Object.keys(READERS)));
  });

  it.each(Object.entries(READERS))(
    'knows the newest version of what it reads, in %s',
    (_, reads) => {
      const newest = Object.keys(reads).map((type) => [type, EVENT_VERSIONS[type as EventType]]);
      const text = `let the statement read every version, then raise the number here; ${GUIDE}`;
      expect(reads, text).toEqual(Object.fromEntries(newest));
    },
  );
});

it.each(EVENT_TYPES)('the checker knows every version of %s', (type) => {
  const text = `it shares no code with the ledger: src/checker has to learn it too; ${GUIDE}`;
  const every = Array.from({ length: EVENT_VERSIONS[type] }, (_, n) => n + 1);
  expect(FORMS[type] ?? [1], text).toEqual(every);
});
