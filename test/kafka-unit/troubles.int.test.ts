import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Troubles } from '../../src/kafka/troubles.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const [first, second] = [randomUUID(), randomUUID()];

/** Two relays of a topic of its own, of which the first has partition 3. */
async function twoRelays(topic: string) {
  const store = await site.store();
  await site.ask('insert into jobledger.publications(scope, partition, owner) values ($1, 3, $2)', [
    topic,
    first,
  ]);
  return {
    one: new Troubles(store, topic, first),
    other: new Troubles(store, topic, second),
    handOver: () =>
      site.ask('update jobledger.publications set owner = $2 where scope = $1', [topic, second]),
    told: async () =>
      (
        await site.ask<{ trouble: string | null }>(
          'select trouble from jobledger.publications where scope = $1',
          [topic],
        )
      )[0]!.trouble,
  };
}

test('what a relay told is taken back when it can publish again', async () => {
  const { one, told } = await twoRelays('again');
  await one.tell(3, new Error('no broker'));
  expect(await told()).toBe('no broker');
  await one.end(3);
  expect(await told()).toBeNull();
});

test('what a relay told that is gone is taken back by who publishes after it', async () => {
  const { one, other, handOver, told } = await twoRelays('gone');
  await one.tell(3, new Error('no broker'));
  await handOver();
  await other.end(3);
  expect(await told()).toBeNull();
});

test('a relay that has lost a partition says nothing of it', async () => {
  const { one, other, handOver, told } = await twoRelays('lost');
  await handOver();
  await other.end(3);
  await one.tell(3, new Error('an old epoch'));
  expect(await told()).toBeNull();
});

test('a relay that has a partition again takes back what was told meanwhile', async () => {
  const { one, other, handOver, told } = await twoRelays('meanwhile');
  await one.end(3);
  one.forget(3);
  await handOver();
  await other.tell(3, new Error('no broker'));
  await site.ask(`update jobledger.publications set owner = $1 where scope = 'meanwhile'`, [first]);
  await one.end(3);
  expect(await told()).toBeNull();
});
