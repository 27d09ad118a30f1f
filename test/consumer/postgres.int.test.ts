import { expect, test } from 'vitest';
import { byPartition, caughtUp, openScene } from './scene.js';

test('every event of the ledger takes effect once and in order, those that come later too', async () => {
  const scene = await openScene();
  const enqueue = (count: number) =>
    scene.ledger.enqueueMany(Array.from({ length: count }, () => ({ job: 'k', payload: 0 })));
  await enqueue(50);
  const consumer = await scene.consume();
  await consumer.start();
  await caughtUp(consumer);
  await enqueue(7);
  await caughtUp(consumer);
  const applied = byPartition(await scene.applied());
  expect(applied).toHaveLength(57);
  expect(applied).toEqual(await scene.recorded());
});
