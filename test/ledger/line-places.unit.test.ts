import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareJoined,
  placesFor,
  type Joined,
  type Settled,
} from '../../src/ledger/repair/line-places.js';

const joined = (n: number): Joined => ({
  at: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
  position: n + 1,
  cancelAt: null,
});

describe('places in line', () => {
  it('are those that were lost, where the numbers between neighbours are theirs', () => {
    const settled = [10, 12, 15].map((seq) => ({ seq, joined: joined(seq) }));
    const newcomers = [11, 13, 14, 16].map(joined);
    expect(placesFor(newcomers, settled, 16)).toEqual([11, 13, 14, 16]);
  });

  it('come after the gap where it is too small, still in order', () => {
    const settled = [
      { seq: 10, joined: joined(10) },
      { seq: 11, joined: joined(20) },
    ];
    expect(placesFor([12, 13].map(joined), settled, 20)).toEqual([14, 17]);
  });

  it('are spread over all numbers given where the line is empty', () => {
    expect(placesFor([1, 2, 3].map(joined), [], 99)).toEqual([25, 50, 75]);
  });

  it('are not kept back by who cannot be read', () => {
    const settled = [{ seq: 5, joined: undefined }];
    expect(placesFor([joined(1)], settled, 10)).toEqual([8]);
  });

  it('are always new, in order, below what was given, and none is taken', () => {
    const place = fc.nat(60).map(joined);
    const line = fc.uniqueArray(
      fc.record({ seq: fc.integer({ min: 1, max: 90 }), joined: place }),
      {
        selector: ({ seq }: Settled) => seq,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(line, fc.array(place, { maxLength: 40 }), (settled, unsorted) => {
        const newcomers = unsorted.toSorted(compareJoined);
        const last = Math.max(0, ...settled.map(({ seq }) => seq)) + newcomers.length;
        const places = placesFor(newcomers, settled, last);
        expect(places).toHaveLength(newcomers.length);
        const all = [...places, ...settled.map(({ seq }) => seq)];
        expect(new Set(all).size).toBe(all.length);
        expect(places.toSorted((one, other) => one - other)).toEqual(places);
        for (const one of places)
          expect(one > 0 && one <= last && Number.isInteger(one)).toBe(true);
      }),
    );
  });

  it('keep every line in the order in which its jobs joined, if it was', () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(some, fc.func(fc.boolean()), (seqs, isLost) => {
        const whole = seqs.toSorted((one, other) => one - other);
        const lost = whole.filter((seq) => isLost(seq));
        const kept = whole.filter((seq) => !lost.includes(seq));
        const settled = kept.map((seq) => ({ seq, joined: joined(seq) }));
        const places = placesFor(lost.map(joined), settled, 200);
        const line = [
          ...settled.map(({ seq }) => [seq, seq] as const),
          ...lost.map((seq, n) => [places[n]!, seq] as const),
        ].toSorted(([one], [other]) => one - other);
        expect(line.map(([, seq]) => seq)).toEqual(whole);
      }),
    );
  });
});
