import fc from 'fast-check';
import { defineJob, isLedgerError, openLedger, restoreLedger } from 'jobledger';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { ownName, sharedBrokers } from '../support/kafka.js';
import { startCli } from '../support/processes.js';
import { emptyPlace, newPlace, type Place } from './place.js';
import { expectDispatch, expectSameLog, identityOf, publish } from './restoring.js';

const note = defineJob({ kind: 'note', payload: z.string() });
const JOBS = 40_000;

/** Events that the copy has by now; 0 while there is no table yet. */
async function countEvents(place: Place): Promise<number> {
  const [row] = await place
    .ask<{ count: number }>('select count(*)::int as count from jobledger.events')
    .catch(() => [{ count: 0 }]);
  return row!.count;
}

test('a restore that is killed again and again ends with the same log, and is never taken for whole before', async (context) => {
  const kafka = { brokers: sharedBrokers(context), topic: ownName('killed') };
  const lost = await newPlace();
  await lost.use(async (ledger) => {
    const items = Array.from({ length: JOBS }, (_, n) => ({ job: note, payload: `${n}` }));
    for (let at = 0; at < JOBS; at += 5_000) await ledger.enqueueMany(items.slice(at, at + 5_000));
    await publish(ledger, kafka.brokers, kafka.topic);
  });
  const place = await emptyPlace();
  const args = [
    'restore',
    '--from-kafka',
    '--brokers',
    kafka.brokers.join(),
    '--topic',
    kafka.topic,
  ];
  const kills = fc
    .sample(fc.double({ min: 0.02, max: 0.9, noNaN: true }), 5)
    .sort((one, other) => one - other);
  for (const share of kills) {
    const child = startCli([...args, '--database', place.url]);
    await eventually(async () => expect(await countEvents(place)).toBeGreaterThan(share * JOBS), {
      timeoutMs: 60_000,
    });
    await child.kill();
    expect(await identityOf(place)).toMatchObject({ role: 'mirror' });
    await using ledger = await openLedger({ database: place.url, logger: false });
    const error = await ledger.enqueue(note, 'too soon').catch((thrown: unknown) => thrown);
    expect(isLedgerError(error, 'LEDGER_IS_MIRROR')).toBe(true);
  }
  const restored = await restoreLedger({ database: place.url, kafka, logger: false });
  expect(restored).toMatchObject({ events: JOBS, repair: { left: [] } });
  expect(restored.taken).toBeLessThan(JOBS);
  await expectSameLog(lost, place);
  await expectDispatch(place);
}, 300_000);
