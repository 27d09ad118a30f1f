import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/ledger/claim/turns.js';

describe('the turn of a flush', () => {
  it('goes round all partitions where flushes are large', () => {
    const turns = new Turns(4);
    const given = Array.from({ length: 8 }, () => turns.begin(1_000, 0));
    const first = given[0]!;
    expect(given).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((step) => (first + step) % 4));
  });

  it('stays where it is for small flushes that follow closely, for 5 ms', () => {
    const turns = new Turns(4);
    const at = (now: number): number => {
      const partition = turns.begin(1, now);
      turns.done(partition);
      return partition;
    };
    const first = at(0);
    expect([at(1), at(4)]).toEqual([first, first]);
    expect(at(6)).toBe((first + 1) % 4);
  });

  it('moves on after a hundred jobs', () => {
    const turns = new Turns(4);
    const at = (jobs: number): number => {
      const partition = turns.begin(jobs, 0);
      turns.done(partition);
      return partition;
    };
    const first = at(60);
    expect([at(40), at(1)]).toEqual([first, (first + 1) % 4]);
  });

  it('gives no partition to two small flushes at a time', () => {
    const turns = new Turns(4);
    const first = turns.begin(1, 0);
    const second = turns.begin(1, 0);
    expect(second).not.toBe(first);
    turns.done(second);
    expect(turns.begin(1, 1)).toBe(second);
  });
});
