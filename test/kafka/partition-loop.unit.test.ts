import { expect, onTestFinished, test, vi } from 'vitest';
import { PartitionLoop } from '../../src/kafka/partition-loop.js';

/** A loop under a clock of the test's own, woken ten times in each of these milliseconds. */
async function callsWithin(ms: number, publish: () => Promise<number>): Promise<number> {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let calls = 0;
  const loop = new PartitionLoop(
    () => {
      calls += 1;
      return publish();
    },
    () => {},
  );
  loop.start();
  for (let passed = 0; passed < ms; passed += 10) {
    loop.wake();
    await vi.advanceTimersByTimeAsync(10);
  }
  await loop.stop();
  return calls;
}

test('what fails is tried again ever more seldom, however often it is woken', async () => {
  const calls = await callsWithin(60_000, () => Promise.reject(new Error('away')));
  // After 0.5, 1, 2, 4 and 8 seconds, then every ten; once more at once, as it was woken while it ran.
  expect(calls).toBeGreaterThanOrEqual(9);
  expect(calls).toBeLessThanOrEqual(11);
});

test('what works is published at every wake, and at once while there is more', async () => {
  expect(await callsWithin(1_000, () => Promise.resolve(0))).toBeGreaterThanOrEqual(99);
  let left = 5;
  expect(await callsWithin(10, () => Promise.resolve(left > 0 ? left-- : 0))).toBeGreaterThan(5);
});

test('after a success it is woken again', async () => {
  let calls = 0;
  const fails = () => (calls++ < 3 ? Promise.reject(new Error('away')) : Promise.resolve(0));
  expect(await callsWithin(6_000, fails)).toBeGreaterThan(100);
});
