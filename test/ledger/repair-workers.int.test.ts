import { expect, test } from 'vitest';
import { ledgerSite } from '../support/ledger.js';
import { inState, job, QUICK, types } from '../worker/site.js';
import { leaveLeases } from './dead-worker.js';

const site = await ledgerSite();

test('running jobs whose worker nobody remembers are decided as lost and go on', async () => {
  const ledger = await site.open();
  const made: { readonly id: string }[] = [];
  for (let n = 0; n < 64; n++) made.push(await ledger.enqueue('some', n, { priority: n % 3 }));
  const gone = await leaveLeases(await site.store(), 'some');
  const leases = () =>
    site.ask(`select job_id, seq, claim, worker, claimed_at, cancel_at, attempt, version
      from jobledger.leases order by seq`);
  const before = await leases();
  expect(before.length).toBeGreaterThan(0);
  const [canceled, ...lost] = before.map((row) => row['job_id'] as string);
  await ledger.cancel(canceled!, { actor: 'ada', reason: 'test' });
  await site.ask(`truncate jobledger.workers restart identity`);
  expect((await ledger.verify()).differences.map(({ where }) => where)).toContain('workers');
  await site.ask(`delete from jobledger.leases where job_id = $1`, [lost[0]]);
  const touched = await leases();

  const { tables, left, verification } = await ledger.repairDispatch();
  expect(verification).toMatchObject({ verified: true, differences: [] });
  expect({ left, leases: tables.leases.add, sequences: tables.sequences.change }).toEqual({
    ...{ left: [], leases: 1, sequences: 1 },
  });
  expect(tables.workers.add).toBe(1);
  const after = await leases();
  for (const row of touched) expect(after).toContainEqual(row);
  expect(await ledger.workerInfo(gone)).toMatchObject({
    ...{ host: 'unknown', endReason: 'no record of it was left' },
  });

  const worker = ledger.worker({ ...QUICK, jobs: [job('some', () => 'done')] });
  await worker.start();
  expect(worker.id).toBeGreaterThan(gone);
  for (const id of lost) {
    await inState(ledger, id, 'succeeded');
    expect(await types(ledger, id)).toContain('AttemptLost');
  }
  await inState(ledger, canceled!, 'canceled');
  for (const { id } of made) if (id !== canceled) await inState(ledger, id, 'succeeded');
  await worker.stop();
  expect(await ledger.verify({ deep: true })).toMatchObject({ verified: true, findings: [] });
});
