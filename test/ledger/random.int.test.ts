import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { dispatchLines } from '../support/implied-rows.js';
import { ledgerSite } from '../support/ledger.js';
import { fuzz, step, takeAll } from './random-steps.js';

const site = await ledgerSite();

/** Resolves when no worker has anything to do for the next minute. */
const drained = () =>
  eventually(
    async () => {
      const left = await site.ask(
        `select 'ready' as place, to_jsonb(r) as row from jobledger.ready r
         union all select 'leases', to_jsonb(l) from jobledger.leases l
         union all select 'inbox', to_jsonb(i) from jobledger.inbox i
         union all select 'scheduled', to_jsonb(s) from jobledger.scheduled s
           where run_at < clock_timestamp() + interval '1 minute'`,
      );
      expect(left).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );

const inbox = () => site.ask(`select to_jsonb(i) as row from jobledger.inbox i`);

test('whatever callers, workers and operators do at once, dispatch rows are what streams imply', async () => {
  const ledger = await site.open({ jobs: [fuzz] });
  const reached = new Set<string>();
  let runs = 0;
  const lanes = fc.array(fc.array(step, { minLength: 15, maxLength: 25 }), {
    minLength: 4,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lanes, async (given) => {
      const worker = ledger.worker({ jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
      await worker.start();
      const made = await takeAll(site, ledger, given);
      // Every other time the worker is stopped in the middle of it all.
      if (runs++ % 2 === 0) await drained();
      await worker.stop();
      // Movers that meet at one row leave it for the next round; in the end nothing is left.
      await eventually(async () => {
        await site.move();
        expect(await inbox()).toEqual([]);
      });
      const { implied, actual } = await dispatchLines(site);
      expect(actual).toEqual(implied);
      for (const id of made) reached.add((await ledger.get(id))?.state ?? 'none');
    }),
    { numRuns: 6, endOnFailure: true },
  );
  expect(await ledger.verify()).toMatchObject({ verified: true });
  // A run that ends nowhere but in one state would prove little.
  expect([...reached].sort()).toEqual(
    expect.arrayContaining(['canceled', 'discarded', 'failed', 'scheduled', 'succeeded']),
  );
}, 60_000);
