import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromRecord, toRecord, type Published } from '../../src/kafka/record.js';
import { recordProblems, SCHEMAS } from '../schemas/schemas.js';
import { blocksOf, document, section, tableAfter } from './markdown.js';

const KAFKA = document('docs/kafka.md');

test('docs/kafka.md lists exactly the headers that a record has', () => {
  const listed = tableAfter(KAFKA, 'headers').map(([name]) => name!.replaceAll('`', ''));
  expect(listed).toEqual(Object.keys(SCHEMAS['headers']!.properties!));
});

test('the record in docs/kafka.md is one that a relay makes', () => {
  const [block] = blocksOf('docs/kafka.md', section(KAFKA, 'The record'));
  const { partition, timestamp, key, headers, value } = JSON.parse(block!.text) as Shown;
  const read = fromRecord({ offset: 0, key, value, headers: new Map(Object.entries(headers)) });
  const { event, origin } = read as Published;
  expect(toRecord(event, origin)).toEqual({ key, value, headers, timestampMs: timestamp });
  expect(event.partition).toBe(partition);
  expect(recordProblems(event)).toEqual([]);
});

test('docs/kafka.md gives the settings that a topic is made with and held to', () => {
  const source = readFileSync(new URL('../../src/kafka/topic.ts', import.meta.url), 'utf8');
  const [, made = ''] = /const SETTINGS = \{([^}]*)\}/.exec(source) ?? [];
  const pairs = [...made.matchAll(/'([a-z.]+)': '([^']+)'/g)].map(([, name, value]) => [
    name,
    value,
  ]);
  const listed = tableAfter(KAFKA, 'topic settings').map((row) =>
    row.slice(0, 2).map((cell) => cell.replaceAll('`', '')),
  );
  expect(listed).toEqual(pairs);
});

interface Shown {
  readonly partition: number;
  readonly timestamp: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}
