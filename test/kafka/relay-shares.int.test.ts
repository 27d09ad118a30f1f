import { expect, test } from 'vitest';
import type { Ledger } from 'jobledger';
import { fuzz } from '../ledger/random-steps.js';
import { eventually } from '../support/eventually.js';
import { kafkaClient, ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { catchUp } from './catch-up.js';
import { expectedRecords } from './expected-records.js';
import { readWholeTopic } from './whole-topic.js';

const site = await ledgerSite();
const PARTITIONS = 16;
const PATIENT = { timeoutMs: 60_000, everyMs: 100 };

test('two relays have half of the partitions each, and one that stops hands its half over', async (context) => {
  const brokers = sharedBrokers(context);
  const kafka = { brokers, topic: ownName('shared') };
  const one = await site.open({ jobs: [fuzz] });
  const two = await site.open({ jobs: [fuzz] });
  await enqueue(one, 200);
  await catchUp(one, kafka);

  const first = one.relay({ kafka });
  await first.start();
  const second = two.relay({ kafka });
  await second.start();
  await eventually(async () => expect(await partsOf()).toEqual([8, 8]), PATIENT);
  await enqueue(one, 200);
  await eventually(() => isPublished(one), PATIENT);

  await first.stop();
  await eventually(async () => expect(await partsOf()).toEqual([16]), PATIENT);
  await enqueue(one, 200);
  await eventually(() => isPublished(one), PATIENT);
  await second.stop();
  expect(await partsOf()).toEqual([]);

  const found = await readWholeTopic(kafkaClient(brokers), kafka.topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));
});

/** How many partitions each owner has; both run in this process, so that only SQL tells them apart. */
async function partsOf(): Promise<readonly number[]> {
  const rows = await site.ask<{ parts: number }>(
    `select count(*)::int as parts from jobledger.publications
      where owner is not null and lease_until > clock_timestamp() group by owner order by 1`,
  );
  return rows.map(({ parts }) => parts);
}

async function isPublished(ledger: Ledger): Promise<boolean> {
  const [published] = await ledger.publications();
  return published?.lagEvents === 0;
}

async function enqueue(ledger: Ledger, count: number): Promise<void> {
  const item = { job: fuzz, payload: { ending: 'succeed' as const } };
  await ledger.enqueueMany(Array.from({ length: count }, () => item));
}
