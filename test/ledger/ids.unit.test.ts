import { expect, test } from 'vitest';
import { newJobId, partitionOf } from '../../src/ledger/ids.js';

test('ids name their partition, are UUIDs of version 7, and rise', () => {
  let latest = '';
  for (let n = 0; n < 50_000; n++) {
    const partitions = [1, 3, 16, 256][n % 4]!;
    const id = newJobId(n % partitions, partitions);
    expect(partitionOf(id, partitions)).toBe(n % partitions);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    if (id <= latest) expect(latest).toBe(`below ${id}`);
    latest = id;
  }
  // Ids may run ahead of the clock, by no more than they are many.
  const aheadMs = Number.parseInt(latest.replace('-', '').slice(0, 12), 16) - Date.now();
  expect(Math.abs(aheadMs)).toBeLessThan(5_000);
});
