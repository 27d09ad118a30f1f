import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTerminal } from '../../src/job/state.js';
import { eventually } from '../support/eventually.js';
import { dispatchLines } from '../support/implied-rows.js';
import { ledgerSite } from '../support/ledger.js';
import { QUICK } from '../worker/site.js';
import { leaveLeases } from './dead-worker.js';
import { fuzz, step, takeAll } from './random-steps.js';
import { damages } from './repair-damage.js';

const site = await ledgerSite();

/** Every dispatch row as it stands, by table and job. */
async function allRows(): Promise<Map<string, string>> {
  const tables = ['ready', 'scheduled', 'leases', 'unique_keys'];
  const rows = await site.ask<{ place: string; id: string; row: string }>(
    tables
      .map(
        (name) =>
          `select '${name}' as place, job_id as id, to_jsonb(t)::text as row from jobledger.${name} t`,
      )
      .join(' union all '),
  );
  return new Map(rows.map(({ place, id, row }) => [`${place} ${id}`, row]));
}

const DUE = `(select job_id from jobledger.ready union all select job_id from jobledger.leases
  union all select job_id from jobledger.inbox
  union all select job_id from jobledger.scheduled where run_at < clock_timestamp() + interval '1 minute')`;

test('whatever was done to the dispatch tables, a repair makes them what the log says, and what was right stays', async () => {
  const ledger = await site.open({ jobs: [fuzz] });
  const store = await site.store();
  const lanes = fc.array(fc.array(step, { minLength: 10, maxLength: 20 }), {
    minLength: 4,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lanes, lanes, damages, async (first, second, harm) => {
      const worker = ledger.worker({ ...QUICK, jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
      await worker.start();
      await takeAll(site, ledger, first);
      await worker.stop();
      await takeAll(site, ledger, second);
      await leaveLeases(store, 'fuzz');
      const before = await allRows();
      // A key that goes with a row of the inbox whose job has come another way is freed with that row.
      const { findings } = await ledger.verify({ deep: true });
      expect((await ledger.repairDispatch({ dryRun: true })).changes).toBe(0);

      for (const text of harm) await site.ask(text);
      const harmed = await allRows();
      const plan = await ledger.repairDispatch({ dryRun: true });
      expect(await allRows()).toEqual(harmed);
      const answer = await ledger.repairDispatch();

      expect(answer.left).toEqual([]);
      expect(answer.verification).toMatchObject({ verified: true, differences: [] });
      expect(plan.tables).toEqual(answer.tables);
      expect((await ledger.verify({ deep: true })).findings).toEqual(findings);
      const { implied, actual } = await dispatchLines(site);
      // Those of the inbox hold keys that no stream implies.
      const guests = await site.ask<{ id: string }>(
        `select job_id as id from jobledger.inbox where sort <> 'duplicate'`,
      );
      const isGuest = (line: string) => guests.some(({ id }) => line.startsWith(`key ${id}`));
      expect(actual.filter((line) => !isGuest(line))).toEqual(implied);
      const after = await allRows();
      const touched = [...before].filter(
        ([name, row]) => harmed.get(name) === row && after.get(name) !== row,
      );
      expect(touched).toEqual([]);
      expect(await ledger.repairDispatch()).toMatchObject({ changes: 0 });
      await drain(ledger);
    }),
    { numRuns: 6, endOnFailure: true },
  );
  const ids = await site.ask<{ id: string }>(
    `select stream_id as id from jobledger.events where type = 'JobEnqueued'
      and stream_id not in (select job_id from jobledger.scheduled)`,
  );
  for (const { id } of ids) expect(isTerminal((await ledger.get(id))!.state)).toBe(true);
}, 120_000);

/** A worker takes it from there, to the end. */
async function drain(ledger: Awaited<ReturnType<typeof site.open>>): Promise<void> {
  const worker = ledger.worker({ ...QUICK, jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
  await worker.start();
  await eventually(async () => expect(await site.ask(DUE)).toEqual([]), { timeoutMs: 30_000 });
  await worker.stop();
  expect(await ledger.verify({ deep: true })).toMatchObject({ verified: true, findings: [] });
}
