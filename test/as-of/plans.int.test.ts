import { expect, test } from 'vitest';
import { STATES, type StateName } from '../../src/job/state.js';
import { settle } from '../../src/ledger/as-of/instant.js';
import { readPast } from '../../src/ledger/as-of/past.js';
import { staysAt } from '../../src/ledger/as-of/stays.js';
import type { Store } from '../../src/ledger/store.js';
import { jobStates } from '../../projections/job-states.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();

/** How Postgres would find stays, each part of it on a line. */
async function planOf(
  store: Store,
  states: readonly StateName[],
  queue?: string,
): Promise<string[]> {
  const at = await settle(store, 'asOf', { agoMs: 0 });
  const page = { limit: 25, after: undefined };
  const { text, values } = staysAt(store, at, { states, names: { queue } }, page);
  return readPast(store, at, async ({ query }) => {
    const { rows } = await query(`explain select id from ${text} found`, values);
    return (rows as { 'QUERY PLAN': string }[]).map((row) => row['QUERY PLAN'].trim());
  });
}

test('stays are found by ranges of one index whatever the statistics say', async () => {
  const ledger = await site.open();
  const projector = ledger.projector({ projections: [jobStates] });
  const store = await site.store();
  // Analysed while empty, then full and never analysed since.
  for (const count of [0, 500]) {
    await ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: 'k', payload: n })));
    await projector.catchUp();
    for (const queue of ['default', undefined]) {
      const plan = (await planOf(store, STATES, queue)).join('\n');
      expect(plan).not.toMatch(/Seq Scan on job_states/);
      expect(plan).toMatch(RANGE);
    }
  }
});

const RANGE =
  /Index.* using job_states_v1_i1[^\n]*\n(Presorted[^\n]*\n)?Index Cond: [^\n]*span[^\n]*since[^\n]*until/;
