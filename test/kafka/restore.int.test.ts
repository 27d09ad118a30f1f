import { defineJob, restoreLedger } from 'jobledger';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { expectSameLog, identityOf, publish } from './restoring.js';

const lost = await ledgerSite();
const site = await ledgerSite({ empty: true });
const ran: string[] = [];
const note = defineJob({
  kind: 'note',
  payload: z.string(),
  handle: (payload) => void ran.push(payload),
});

test('an empty database becomes the ledger of the topic, and its jobs go on', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('restore');
  const before = await lost.open({ jobs: [note] });
  const { id } = await before.enqueue(note, 'waits');
  await before.enqueue(note, 'later', { delay: 3_600_000 });
  await publish(before, brokers, topic);
  await before.close();
  const { database } = site;
  const restored = await restoreLedger({ database: database.url, kafka: { brokers, topic } });
  expect(restored).toMatchObject({ events: 2, taken: 2, repair: { left: [] } });
  expect(restored.repair.verification).toMatchObject({ verified: true, events: 2, jobs: 2 });
  await expectSameLog(lost, site);
  expect(await identityOf(site)).toEqual(await identityOf(lost));
  const ledger = await site.open({ jobs: [note] });
  await ledger.worker({ jobs: [note] }).start();
  await eventually(async () => expect((await ledger.get(id))?.state).toBe('succeeded'));
  expect(ran).toEqual(['waits']);
  expect(await ledger.verify()).toMatchObject({ verified: true });
});
