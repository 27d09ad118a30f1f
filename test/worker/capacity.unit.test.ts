import { describe, expect, test } from 'vitest';
import { Capacity } from '../../src/worker/capacity.js';
import { Lines } from '../../src/worker/lines.js';

const NOW = performance.now();

/** Runs `jobs` handlers one after another, each of which takes `ms`. */
function ran(capacity: Capacity, jobs: number, ms: number): void {
  for (let n = 0; n < jobs; n++) {
    capacity.begun(NOW + n * ms);
    capacity.ended(NOW + (n + 1) * ms, ms);
  }
}

describe('what a worker asks for', () => {
  test('before it knows its rate is what it has slots for', () => {
    const capacity = new Capacity(10, 1_000);
    expect(capacity.wanted()).toBe(10);
    capacity.begun(NOW);
    capacity.reserved = 4;
    expect(capacity.free).toBe(5);
  });

  test('is what it begins within 250 ms at its measured rate', () => {
    const capacity = new Capacity(10, 10_000);
    ran(capacity, 200, 1);
    expect(capacity.wanted()).toBe(10 + 250);
  });

  test('stays within the bound for fetching ahead', () => {
    const capacity = new Capacity(10, 20);
    ran(capacity, 200, 0.1);
    expect(capacity.wanted()).toBe(30);
  });

  test('is nothing ahead where jobs take longer than 250 ms', () => {
    const capacity = new Capacity(10, 10_000);
    ran(capacity, 100, 1_000);
    expect(capacity.wanted()).toBe(10);
  });

  test('is nothing while enough is at hand, so that claims stay large', () => {
    const capacity = new Capacity(10, 10_000);
    ran(capacity, 200, 1);
    capacity.buffered = 200;
    expect(capacity.wanted()).toBe(0);
    capacity.buffered = 100;
    expect(capacity.wanted()).toBe(160);
  });

  test('is nothing ahead once every slot is stuck', () => {
    const capacity = new Capacity(1, 10_000);
    ran(capacity, 200, 0.01);
    const long = performance.now() - 1_000;
    capacity.begun(long);
    expect(capacity.isStuck(performance.now())).toBe(true);
    expect(capacity.wanted()).toBe(0);
    capacity.ended(performance.now(), 1_000);
    expect(capacity.isStuck(performance.now())).toBe(false);
  });
});

describe('a place in line', () => {
  const line = { partition: 3, queue: 'q' };
  const bounds = (lines: Lines) =>
    lines.stretches(line, ['k']).map((one) => [one.fromPriority, one.fromSeq, one.toPriority]);

  test('covers everything before anything was claimed', () => {
    expect(bounds(new Lines())).toEqual([[-32_769, 0, 32_767]]);
  });

  test('leaves out what was claimed, per priority, and nothing else', () => {
    const lines = new Lines();
    lines.advance(line, [{ kind: 'k', priority: 0, seq: 70 }]);
    lines.advance(line, [{ kind: 'k', priority: -5, seq: 90 }]);
    lines.advance(line, [{ kind: 'k', priority: 0, seq: 60 }]);
    expect(bounds(lines)).toEqual([
      [-32_769, 0, -6],
      [-5, 90, -1],
      [0, 70, 32_767],
    ]);
  });

  test('is set back by a live row that lies behind it', () => {
    const lines = new Lines();
    lines.advance(line, [{ kind: 'k', priority: 0, seq: 70 }]);
    lines.stepBack(line, 'k', 0, 42);
    expect(bounds(lines).at(-1)).toEqual([0, 41, 32_767]);
    lines.stepBack(line, 'k', 0, 50);
    expect(bounds(lines).at(-1)).toEqual([0, 41, 32_767]);
  });

  test('is kept apart by line and kind', () => {
    const lines = new Lines();
    lines.advance(line, [{ kind: 'k', priority: 0, seq: 70 }]);
    expect(lines.stretches({ partition: 4, queue: 'q' }, ['k'])).toHaveLength(1);
    expect(lines.stretches(line, ['other'])).toHaveLength(1);
  });
});
