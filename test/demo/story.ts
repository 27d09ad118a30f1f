import { expect } from 'vitest';
import type { PackageAudit } from '../../src/demo/audit-job.js';
import { groupBy } from '../../src/group-by.js';
import type { JsonObject, RecordedEvent } from '../../src/index.js';

/** The view before and after, with the same rows, and what lies between. */
export function expectReplay(lines: readonly string[]): void {
  const start = lines.findIndex((line) => line.startsWith('A read model: '));
  const [before = '', row = ''] = lines.slice(start + 1);
  expect(before).toMatch(/^ {2}licence +audits +files +bytes$/);
  expect(row).toMatch(/^ {2}MIT +1 +2 +\d+ bytes$/);
  expect(lines[start + 4]).toMatch(/^The same, changed: version 2 has the largest file/);
  const end = lines.findIndex((line) => /^ {2}✓ \d+ events in .*; the view now:$/.test(line));
  expect(end).toBeGreaterThan(start);
  expect(lines.slice(start, end).join('\n')).toMatch(/^ {2}(\d+) of \1 events done/m);
  expect(lines[end + 1]).toMatch(/^ {2}licence +audits +files +bytes +largest file$/);
  expect(lines[end + 2]).toMatch(/^ {2}MIT +1 +2 +\d+ bytes {2}\d+ bytes, right\/package\.json$/);
}

/** A job that was lost, in mid-run, when it was lost, and at its end. */
export function expectLookBack(lines: readonly string[]): void {
  const start = lines.findIndex((line) => line.startsWith('A lost job as it was'));
  const seen = lines.slice(start + 1, start + 4).map((line) => line.trim().split(/ {2,}/));
  const times = seen.map(([at]) => at);
  expect(times[0]! < times[1]! && times[1]! < times[2]!, times.join()).toBe(true);
  expect(seen[0]?.slice(1)).toEqual(['running', expect.stringMatching(/^attempt 1 on worker \d+/)]);
  // On a busy machine the loss is recorded when its retry is due already.
  expect(seen[1]?.slice(1)).toEqual([
    expect.stringMatching(/^(retrying|available)$/),
    expect.stringContaining('was lost'),
  ]);
  expect(seen[2]?.[1]).toMatch(/^(succeeded|failed)$/);
}

/** The read model has what the results of all audits add up to. */
export function expectSums(rows: readonly JsonObject[], events: readonly RecordedEvent[]): void {
  const audits = events.flatMap((event) =>
    event.type === 'AttemptSucceeded' ? [event.data.result as PackageAudit] : [],
  );
  const expected = [...groupBy(audits, ({ licence }) => licence ?? 'none named')].map(
    ([licence, its]) => ({
      ...{ licence, audits: its.length },
      files: its.reduce((sum, { files }) => sum + files, 0),
      bytes: its.reduce((sum, { bytes }) => sum + bytes, 0),
      largest_bytes: Math.max(...its.map(({ largestBytes }) => largestBytes)),
      largest_file: expect.stringContaining('/') as string,
    }),
  );
  expect(rows).toHaveLength(expected.length);
  expect(rows).toEqual(expect.arrayContaining(expected));
}
