import { expect, test } from 'vitest';
import { KeyWaits } from '../../src/ledger/keys/key-waits.js';

test('a busy key is left alone for as long as it has been busy, within bounds', () => {
  let now = 1_000;
  const waits = new KeyWaits(20, 1_000, () => now);
  const restOf = (key: string): number => {
    waits.wasBusy(key, 0);
    const from = now;
    while (!waits.mayAsk(key)) now += 50;
    return now - from;
  };
  expect([restOf('a'), restOf('a'), restOf('a'), restOf('a')]).toEqual([250, 250, 500, 1_000]);
  for (let n = 0; n < 10; n++) restOf('a');
  expect(restOf('a')).toBe(30_000);
  waits.wasFree('a');
  expect(restOf('a')).toBe(250);
});

test('what a pass has lost to busy keys is bounded, and the next pass starts anew', () => {
  const waits = new KeyWaits(20, 50, () => 0);
  for (const key of ['a', 'b', 'c']) {
    expect(waits.mayAsk(key)).toBe(true);
    waits.wasBusy(key, 20);
  }
  expect(waits.mayAsk('free')).toBe(false);
  waits.startPass();
  expect(waits.mayAsk('free')).toBe(true);
  expect(waits.mayAsk('a')).toBe(false);
});
