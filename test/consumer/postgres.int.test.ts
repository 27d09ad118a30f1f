import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { SCENARIOS } from './scenarios.js';
import { caughtUp, openScene } from './scene.js';

for (const { title, run } of SCENARIOS)
  test(`from Postgres: ${title}`, () => run(() => openScene()), 60_000);

test('from Postgres: a new epoch that begins before what was read stops the group there', async () => {
  const scene = await openScene(undefined, { partitions: 1 });
  await scene.enqueue(4);
  const consumer = await scene.consume();
  await consumer.start();
  await caughtUp(consumer);
  await scene.sql(`insert into jobledger.epochs(epoch, partition, start, actor, reason)
    values (2, 0, 3, 'ada', 'failover')`);
  await scene.sql('update jobledger.ledger set epoch = 2');
  await scene.enqueue(1);
  await eventually(async () =>
    expect(await consumer.status()).toMatchObject([
      { epoch: 1, position: 4, trouble: { code: 'NEW_EPOCH' } },
    ]),
  );
  expect(await consumer.reset()).toEqual([{ partition: 0, epoch: 2, start: 3, position: 4 }]);
  await caughtUp(consumer);
  const positions = (await scene.applied()).map(({ position }) => position);
  expect(positions).toEqual([1, 2, 3, 4, 3, 4, 5]);
});
