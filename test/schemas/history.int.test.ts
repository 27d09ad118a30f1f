import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDatabase, endDatabase } from '../../src/database.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { readTexts } from '../../src/kafka/read-texts.js';
import type { EventText } from '../../src/kafka/record.js';
import { openStore } from '../../src/ledger/open-store.js';
import { histories, PARTITIONS, write } from '../as-of/history.js';
import { SILENT } from '../support/ledger.js';
import { openSite, type Site } from '../worker/site.js';
import { recordProblems } from './schemas.js';

test('whatever the rules decide, of every type, is published as promised', async () => {
  const seen = new Set<string>();
  await fc.assert(
    // Told by its seed, should it fail: the events would fill pages.
    fc.asyncProperty(fc.integer(), async (seed) => {
      const [events = []] = fc.sample(histories, { seed, numRuns: 1 });
      const site = await openSite({ partitions: PARTITIONS, verify: false });
      await write(site, events);
      const texts = await textsOf(site);
      expect(texts.length).toBe(events.length);
      expect(texts.flatMap(recordProblems)).toEqual([]);
      for (const { type } of texts) seen.add(type);
    }),
    { numRuns: 6, endOnFailure: true },
  );
  // Histories in which some type never happens would prove less than they say.
  expect([...seen].sort()).toEqual([...EVENT_TYPES].sort());
}, 120_000);

/** Every event of a ledger, as the relay reads it. */
async function textsOf({ url }: Site): Promise<readonly EventText[]> {
  const database = createDatabase({ connectionString: url }, { pooler: false, maxConnections: 3 });
  try {
    const place = { schema: 'jobledger', log: SILENT, clockShiftMs: () => 0 };
    const store = await openStore(database, place);
    const all = Array.from({ length: PARTITIONS }, (_, one) => readTexts(store, one, 1, 100_000));
    return (await Promise.all(all)).flatMap(({ events }) => events);
  } finally {
    await endDatabase(database);
  }
}
