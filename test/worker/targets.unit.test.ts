import { expect, test } from 'vitest';
import { Targets } from '../../src/worker/targets.js';

const queue = 'default';
const line = (partition: number) => ({ partition, queue });
const row = (partition: number, own: boolean) => ({
  ...{ partition, queue, own, kind: 'any', priority: 0, seq: 1, workers: 2 },
});

test('lines that others look at first are left to them while one of ours is under way', () => {
  const targets = new Targets();
  targets.order([row(0, true), row(1, false), row(2, false)], performance.now());
  expect(targets.take()).toEqual(line(0));
  expect(targets.take()).toBeUndefined();
  targets.free(line(0));
  expect(targets.take()).toEqual(line(1));
});

test('a line of others that is more urgent than one of ours is taken in its turn', () => {
  const targets = new Targets();
  targets.order([row(1, false), row(0, true)], performance.now());
  expect([targets.take(), targets.take()]).toEqual([line(1), line(0)]);
});

test('a line that rests is passed over, keeps no other back, and comes again', async () => {
  const targets = new Targets();
  targets.order([row(0, true), row(1, false)], performance.now());
  const rested = new Promise<void>((resolve) => targets.rest(targets.take()!, resolve));
  expect(targets.take()).toEqual(line(1));
  expect(targets.take()).toBeUndefined();
  await rested;
  expect(targets.take()).toEqual(line(0));
});

test('what was hinted at after a look began is not forgotten with what the look found', () => {
  const targets = new Targets();
  const since = performance.now();
  targets.hint(line(3));
  targets.order([row(0, true)], since);
  expect([targets.take(), targets.take()]).toEqual([line(0), line(3)]);
  targets.free(line(3));
  targets.order([row(0, true)], performance.now());
  expect(targets.size).toBe(1);
});
