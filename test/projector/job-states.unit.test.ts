import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobStates } from '../../projections/job-states.js';
import { dueOf, histories, jobsAt } from '../as-of/history.js';
import { MemoryTable } from './memory-table.js';
import type { RecordedEvent, Row } from '../../src/index.js';

test('each job has one stay at any time, in the state that its fold reads as then', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.array(fc.nat(4), { minLength: 1 }), async (events, cuts) => {
      const rows = await folded(events, cuts);
      for (const at of instants(events)) {
        const there = rows.filter((row) => isWithin(row, at));
        const jobs = jobsAt(events, at);
        expect(there.map(told).sort()).toEqual(
          jobs.map(({ job, state, since }) => `${job.id} ${state} ${since} ${job.attempt}`).sort(),
        );
      }
    }),
    { numRuns: 8 },
  );
});

test('its rows are the same whatever the stretches in which they are folded', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.array(fc.nat(4), { minLength: 1 }), async (events, cuts) => {
      expect(await folded(events, cuts)).toEqual(await folded(events, [events.length]));
    }),
    { numRuns: 20 },
  );
});

test('a stay is never longer than its span says, and more than half of that', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (events) => {
      for (const { since, until, span } of await folded(events, [50])) {
        if (until === null) expect(span).toBe(41);
        if (until === null || span === 41) continue;
        const ms = (microsOf(until as string) - microsOf(since as string)) / 1_000;
        expect(ms).toBeLessThanOrEqual(2 ** (span as number));
        if (span !== 0) expect(ms).toBeGreaterThan(2 ** ((span as number) - 1));
      }
    }),
    { numRuns: 20 },
  );
});

/** All rows by their keys, partitions one after the other, each in stretches of these sizes. */
async function folded(events: readonly RecordedEvent[], sizes: readonly number[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const partition of new Set(events.map((event) => event.partition))) {
    const table = new MemoryTable(jobStates);
    const own = events.filter((event) => event.partition === partition);
    for (let at = 0, n = 0; at < own.length; n++) {
      const size = Math.max(1, sizes[n % sizes.length]!);
      await table.take(own.slice(at, at + size));
      at += size;
    }
    rows.push(...table.rows.values());
  }
  return rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ id, version, state }: Row): string {
  return `${String(id)} ${String(version).padStart(5, '0')} ${String(state)}`;
}

function instants(events: readonly RecordedEvent[]): string[] {
  const dues = events.flatMap((event) => dueOf(event) ?? []);
  const marks = [...new Set([...events.map(({ recordedAt }) => recordedAt), ...dues])];
  const every = Math.ceil(marks.length / 50);
  return marks
    .filter((_, index) => index % every === 0)
    .flatMap((mark) => [mark, mark.replace(/000Z$/, '001Z')]);
}

function isWithin({ since, until }: Row, at: string): boolean {
  return (since as string) <= at && (until === null || (until as string) > at);
}

function told({ id, state, since, attempt }: Row): string {
  return [id, state, since, attempt].join(' ');
}

function microsOf(instant: string): number {
  return Date.parse(instant) * 1_000 + Number(instant.slice(-4, -1));
}
