import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { WorkerOptions } from '../../src/api-worker.js';
import { exitCodeOf } from '../../src/cli/exit-codes.js';
import { ledgerSettings } from '../../src/config.js';
import { ERRORS, LedgerError, type ErrorCode } from '../../src/errors.js';
import { DEFAULTS } from '../../src/job/defaults.js';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import * as limits from '../../src/job/limits.js';
import { MAX_KEY_BYTES, MAX_NAME_BYTES } from '../../src/job/names.js';
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from '../../src/job/plain-json.js';
import { MAX_RETRY_AFTER_MS } from '../../src/job/retry.js';
import { workerSettings } from '../../src/worker/options.js';
import { typescriptUnder } from '../structure/source-files.js';
import { document, documents, section, tableAfter } from './markdown.js';

const GUIDE = document('docs/guide.md');
const OPERATIONS = document('docs/operations.md');

describe('docs/guide.md', () => {
  it.each([
    ['JobOptions', 'src/job/define.ts', ['JobOptions']],
    ['LedgerOptions', 'src/api.ts', ['LedgerOptions']],
    ['EnqueueOptions', 'src/job/enqueue-options.ts', ['OptionsBesideTime', 'DueAt', 'DueAfter']],
    ['WorkerOptions', 'src/api-worker.ts', ['WorkerOptions']],
    ['JobFilter', 'src/api-filter.ts', ['JobFilter']],
    ['BulkOptions', 'src/api-bulk.ts', ['BulkOptions']],
  ])('lists exactly the options of %s', (name, file, interfaces) => {
    const listed = tableAfter(GUIDE, `options: ${name}`).map(([first]) => words(first)[0]);
    const fields = interfaces.flatMap((one) => fieldsOf(file, one));
    expect(new Set(listed)).toEqual(new Set(fields));
  });

  it('gives the defaults and ranges that a worker has', () => {
    const rows = tableAfter(GUIDE, 'options: WorkerOptions').map((row) => ({
      name: words(row[0])[0]!,
      fallback: numbers(row[1])[0],
      range: numbers(row[2]),
    }));
    const ranged = rows.filter(({ range }) => range.length === 2);
    expect(ranged.map(({ name }) => name)).toContain('stallLimitMs');
    const defaults = workerSettings({ jobs: [JOB] }) as unknown as Record<string, number>;
    for (const { name, fallback, range } of ranged) {
      expect(`${name} ${defaults[name]}`).toBe(`${name} ${fallback}`);
      expect(refused(name, [range[0]! - 1, range[1]! + 1])).toEqual([true, true]);
      expect(refused(name, range)).toEqual([false, false]);
    }
  });

  it('gives the defaults and ranges that a ledger has', () => {
    const rows = tableAfter(GUIDE, 'options: LedgerOptions');
    const defaults = ledgerSettings({}) as unknown as Record<string, number>;
    for (const [name, min, max] of [
      ['partitions', 1, 256],
      ['maxConnections', 2, 1_000],
      ['enqueueTimeoutMs', 0, 86_400_000],
    ] as const) {
      const row = rows.find(([first]) => words(first)[0] === name)!;
      expect(numbers(row[1])).toEqual([defaults[name]]);
      expect(row[2]).toContain(`${shown(min)} to ${shown(max)}`);
      for (const value of [min - 1, max + 1]) {
        expect(() => ledgerSettings({ [name]: value })).toThrow(name);
      }
    }
  });

  it('gives the defaults and ranges that a job has', () => {
    for (const table of ['options: JobOptions', 'options: EnqueueOptions']) {
      const row = (name: string) =>
        tableAfter(GUIDE, table).find(([first]) => words(first)[0] === name)!;
      expect(numbers(row('maxAttempts')[1])).toContain(DEFAULTS.maxAttempts);
      expect(numbers(row('timeout')[1])).toContain(DEFAULTS.timeoutMs);
      expect(numbers(row('priority')[1])).toContain(DEFAULTS.priority);
      expect(row('maxAttempts')[2]).toContain(`1 to ${shown(limits.MAX_ATTEMPTS)}`);
      expect(row('timeout')[2]).toContain(`1 to ${shown(limits.MAX_TIMEOUT_MS)}`);
      expect(numbers(row('priority')[2])).toEqual([limits.MIN_PRIORITY, limits.MAX_PRIORITY]);
    }
    expect(GUIDE).toContain(`0 to ${shown(limits.MAX_DELAY_MS)} (100 years)`);
  });
});

describe('docs/operations.md', () => {
  it('lists every error code with its answer and its exit code', () => {
    const listed = tableAfter(OPERATIONS, 'error codes').map(([code, answer, exit]) => [
      words(code)[0],
      answer,
      exit,
    ]);
    const expected = Object.entries(ERRORS).map(([code, answer]) => {
      const error = new LedgerError(code as ErrorCode, '');
      return [code, answer, String(exitCodeOf(error))];
    });
    expect(new Set(listed)).toEqual(new Set(expected));
  });

  it('lists every code that a log line may have', () => {
    const listed = tableAfter(OPERATIONS, 'log codes').map(([code]) => words(code)[0]);
    const logged = typescriptUnder('src').flatMap(({ text }) =>
      [...text.matchAll(/\bcode: '([A-Z][A-Z_]+)'/g)].map((match) => match[1]),
    );
    expect(new Set(listed)).toEqual(new Set(logged));
  });

  it('lists the limits that hold', () => {
    const listed = tableAfter(OPERATIONS, 'limits').map(([, limit]) => numbers(limit));
    expect(listed.map(([first]) => first)).toEqual([
      limits.MAX_EVENT_BYTES,
      limits.MAX_RESULT_BYTES,
      limits.MAX_STACK_BYTES,
      limits.MAX_MESSAGE_BYTES,
      MAX_NAME_BYTES,
      MAX_KEY_BYTES,
      limits.MAX_ATTEMPTS,
      limits.MIN_PRIORITY,
      limits.MAX_TIMEOUT_MS,
      limits.MAX_DELAY_MS,
      MAX_RETRY_AFTER_MS,
      MAX_JSON_DEPTH,
      MAX_JSON_VALUES,
    ]);
  });
});

describe('docs/events.md', () => {
  const EVENTS = document('docs/events.md');

  it('has every type of event, in the order of a job’s life', () => {
    const headings = [...EVENTS.matchAll(/^### (\w+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(EVENT_TYPES);
  });

  it('gives the version of every type, and says of each former one how it differs', () => {
    const listed = tableAfter(EVENTS, 'event versions').map(([type, version, former = '']) => [
      ...[type, Number(version)],
      [...former.matchAll(/\b(\d+):/g)].map((match) => Number(match[1])),
    ]);
    const expected = EVENT_TYPES.map((type) => {
      const version: number = EVENT_VERSIONS[type];
      return [type, version, Array.from({ length: version - 1 }, (_, n) => n + 1)];
    });
    expect(listed).toEqual(expected);
  });

  it.each(EVENT_TYPES)('explains every field of %s and gives an example', (type) => {
    const text = section(EVENTS, type);
    expect(text).toContain('```json');
    const fields = fieldsOf('src/job/events.ts', type);
    expect(fields.length).toBeGreaterThan(0);
    for (const field of fields) expect(words(text), field).toContain(field);
  });
});

describe('the documents', () => {
  it('link only to what is there', () => {
    const dead = documents().flatMap((file) =>
      [...document(file).matchAll(/\]\((?!https?:)([^)]+)\)/g)]
        .map((match) => match[1]!)
        .filter((link) => !isThere(file, link))
        .map((link) => `${file}: ${link}`),
    );
    expect(dead).toEqual([]);
  });
});

const JOB = {
  kind: 'a',
  options: {},
  handle: () => undefined,
} as unknown as WorkerOptions['jobs'][number];

/** Whether a worker refuses these values of an option, alone. */
function refused(name: string, values: readonly number[]): readonly boolean[] {
  // A heartbeat may be as long as the lease allows, and this test is about neither.
  const others = { heartbeatMs: 50, leaseMs: 86_400_000 };
  return values.map((value) => {
    try {
      workerSettings({ jobs: [JOB], ...others, [name]: value });
      return false;
    } catch (error) {
      // A lease of the least length is too short for any heartbeat, which is another fault.
      return new RegExp(`${name}: expected an integer`).test((error as Error).message);
    }
  });
}

/** The fields of an interface, or of one type of event, as the source has them. */
function fieldsOf(file: string, name: string): readonly string[] {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
  const start = new RegExp(`^( *)(?:export interface ${name}\\b[^{]*|${name}: )\\{`, 'm').exec(
    text,
  );
  if (start === null) throw new Error(`no ${name} in ${file}`);
  const rest = text.slice(start.index + start[0].length);
  const oneLine = /^[^\n]*\};?$/m.exec(rest);
  const end = oneLine?.index === 0 ? oneLine[0].length : rest.search(`\n${start[1]}\\}`);
  return [...rest.slice(0, end).matchAll(/\breadonly (\w+)\??:/g)].map((match) => match[1]!);
}

/** Everything in backticks. */
function words(text = ''): readonly string[] {
  return [...text.matchAll(/`([^`\s]+)`/g)].map((match) => match[1]!);
}

function numbers(text = ''): readonly number[] {
  const found = text.replaceAll('−', '-').match(/-?\d+(?:,\d{3})*/g) ?? [];
  return found.map((number) => Number(number.replaceAll(',', '')));
}

function shown(value: number): string {
  return value.toLocaleString('en-US').replace('-', '−');
}

function isThere(file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = new URL(
    path === '' ? `../../${file}` : path,
    new URL(`../../${file}`, import.meta.url),
  );
  const place = path === '' ? new URL(`../../${file}`, import.meta.url) : target;
  if (!existsSync(fileURLToPath(place))) return false;
  if (anchor === undefined) return true;
  const headings = [...readFileSync(place, 'utf8').matchAll(/^#+ (.+)$/gm)];
  return headings.some(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-') === anchor);
}
