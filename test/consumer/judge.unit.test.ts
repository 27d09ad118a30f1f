import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge } from '../../src/consumer/judge.js';
import type { Item, Point } from '../../src/consumer/source.js';
import { item, LEDGER } from './hand-source.js';

const points = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 })));

test('whatever comes, what is applied has no hole, comes once, and never changes its epoch', () => {
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 20 }), (given, most) => {
      const items = given.map(([epoch, position]) => item(0, position, { epoch }));
      const seen: Point = { epoch: 1, position: 3, resumeAt: null };
      const { next, passed, halt } = judge(0, LEDGER, seen, items, most);
      expect(next.map(({ event }) => event.position)).toEqual(next.map((_, at) => 4 + at));
      expect(next.every(({ origin }) => origin.epoch === 1)).toBe(true);
      expect(next.length).toBeLessThanOrEqual(most);
      if (halt === undefined) expect(next.length === most || passed === items.length).toBe(true);
      else expect(stands(items[passed]!, 3 + next.length)).toBe(halt.code);
    }),
  );
});

function stands({ origin, event }: Item, position: number): string | undefined {
  if (origin.epoch > 1) return 'NEW_EPOCH';
  return event.position > position + 1 ? 'EVENT_GAP' : undefined;
}

test('an event of another partition is none of this one', () => {
  const seen: Point = { epoch: null, position: 0, resumeAt: null };
  expect(judge(1, LEDGER, seen, [item(0, 1)], 9).halt).toMatchObject({ code: 'BAD_TOPIC' });
});
