import { expect, test } from 'vitest';
import { claimStatement, type ClaimSummary } from '../../src/ledger/claim/claim-statement.js';
import { newJobId } from '../../src/ledger/ids.js';
import { tryPartition } from '../../src/ledger/try-partition.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const STRETCH = { kind: 'any', fromPriority: -32_769, fromSeq: 0, toPriority: 32_767 };

test.each([
  ['was declared dead', 'dead_at = clock_timestamp()'],
  ['has ended', 'ended_at = clock_timestamp()'],
])('a worker that %s claims nothing, and is told so', async (_, end) => {
  const [store, ledger] = [await site.store(), await site.open()];
  await ledger.enqueue('any', {}, { id: newJobId(5, 16) });
  const [worker] = await site.ask<{ id: number }>(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms)
      values ('here', 1, '1', '{default}', '{any}', 60000) returning id`,
  );
  const claim = async (number: number) => {
    const asked = { worker: worker!.id, claim: number, queue: 'default', stretches: [STRETCH] };
    const limits = { free: 1, limit: 1, quarantine: false };
    const results = await tryPartition(store, 5, [
      claimStatement(store, 5, { ...asked, ...limits }),
    ]);
    const { taken, alive } = results![0]!.rows[0] as ClaimSummary;
    return { taken, alive };
  };
  expect(await claim(1)).toEqual({ taken: 1, alive: true });
  await ledger.enqueue('any', {}, { id: newJobId(5, 16) });
  await site.ask(`update jobledger.workers set ${end} where id = $1`, [worker!.id]);
  expect(await claim(2)).toEqual({ taken: 0, alive: false });
  const held = await site.ask('select from jobledger.leases where claim = 2');
  expect(held).toEqual([]);
});
