import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Projection, Row } from '../../src/index.js';
import { failureGroups } from '../../projections/failure-groups.js';
import { projections } from '../../projections/index.js';
import { keyText } from '../../src/projector/key-text.js';
import * as give from '../job/commands.js';
import { streamOf } from '../job/stream.js';
import { histories, PARTITIONS, type History } from './histories.js';
import { MemoryTable } from './memory-table.js';
import { ORACLES } from './oracles.js';

test('every shipped read model has an oracle', () => {
  expect(Object.keys(ORACLES).sort()).toEqual(projections.map(({ name }) => name).sort());
});

describe.each(projections)('$name', (projection) => {
  test('live, in stretches and with restarts, has the rows of a rebuild in any order', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), stretches(), anyOrder(), async (history, cuts, order) => {
        const live = await followed(projection, history, cuts);
        expect(live).toEqual(await rebuilt(projection, history, order));
      }),
      { numRuns: 60 },
    );
  });

  test('has the rows that the events tell plainly', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        const rows = await rebuilt(projection, history, [...history.keys()]);
        const wanted = ORACLES[projection.name]!(history);
        expect(rows.size).toBe(wanted.length);
        for (const row of wanted) expect(rows.get(keyText(projection, row))).toMatchObject(row);
      }),
      { numRuns: 60 },
    );
  });

  test('fills the columns that it has, and no others', async () => {
    const names = Object.keys(projection.columns).sort();
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        const rows = await rebuilt(projection, history, [...history.keys()]);
        for (const row of rows.values()) expect(Object.keys(row).sort()).toEqual(names);
      }),
      { numRuns: 10 },
    );
  });
});

test('a group of failures is the same in whatever order its jobs fail, at one instant too', async () => {
  const { events } = streamOf(give.enqueue(), give.start(), give.fail());
  const kinds = Array.from({ length: 30 }, (_, n) => `kind-${String(n).padStart(2, '0')}`);
  const order = fc.shuffledSubarray(kinds, { minLength: 30 });
  await fc.assert(
    fc.asyncProperty(order, async (names) => {
      const table = new MemoryTable(failureGroups);
      for (const kind of names)
        await table.take(events.map((event) => ({ ...event, kind, streamId: `job of ${kind}` })));
      const first = kinds.slice(0, 20);
      expect([...table.rows.values()]).toMatchObject([
        { count: 30, kinds: first, job_id: 'job of kind-29' },
      ]);
    }),
    { numRuns: 20 },
  );
});

interface Cut {
  readonly partition: number;
  readonly events: number;
  readonly page: number;
  readonly restarts: boolean;
}

function stretches(): fc.Arbitrary<readonly Cut[]> {
  const cut = fc.record({
    partition: fc.nat(PARTITIONS - 1),
    events: fc.integer({ min: 1, max: 9 }),
    page: fc.integer({ min: 1, max: 4 }),
    restarts: fc.boolean(),
  });
  return fc.array(cut, { maxLength: 30 });
}

function anyOrder(): fc.Arbitrary<readonly number[]> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return fc.shuffledSubarray(all, { minLength: PARTITIONS });
}

/** Rows of a table that follows stretch by stretch; the rest of each partition comes last. */
async function followed(
  projection: Projection,
  history: History,
  cuts: readonly Cut[],
): Promise<ReadonlyMap<string, Row>> {
  const table = new MemoryTable(projection);
  const at = history.map(() => 0);
  for (const { partition, events, page, restarts } of cuts) {
    if (restarts) table.restart();
    await table.take(history[partition]!.slice(at[partition], at[partition]! + events), page);
    at[partition]! += events;
  }
  for (const [partition, events] of history.entries())
    await table.take(events.slice(at[partition]));
  return table.rows;
}

/** Rows folded from zero, one partition after another, each at once. */
async function rebuilt(
  projection: Projection,
  history: History,
  order: readonly number[],
): Promise<ReadonlyMap<string, Row>> {
  const table = new MemoryTable(projection);
  for (const partition of order) await table.take(history[partition]!, Infinity);
  return table.rows;
}
