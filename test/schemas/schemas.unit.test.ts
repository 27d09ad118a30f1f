import { describe, expect, it } from 'vitest';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { toRecord, type EventText } from '../../src/kafka/record.js';
import { blocksOf, document, section } from '../docs/markdown.js';
import { goldenEvents } from '../events/golden.js';
import { idOf, problemsOf, recordProblems, SCHEMAS, type Schema } from './schemas.js';
import { FULL_VALUES } from './full-values.js';
import { grownValues, wrongValues } from './wrong-values.js';

const GUIDE = 'docs/event-versions.md says how to change an event';
const golden = goldenEvents();
const forms = EVENT_TYPES.flatMap((type) =>
  Array.from({ length: EVENT_VERSIONS[type] }, (_, n) => ({ type, version: n + 1 })),
);

/** Golden events as the relay reads them. */
const events = golden.map(({ stored }): EventText => {
  const { stream_id, schema_version, recorded_at, data, meta, ...rest } = stored;
  return {
    ...rest,
    streamId: stream_id,
    schemaVersion: schema_version,
    recordedAt: recorded_at,
    data: JSON.stringify(data),
    meta: JSON.stringify(meta),
  };
});

/** Of each form its golden value, and one with all that it may have. */
const values = forms.flatMap(({ type, version }) => {
  const name = `${type}.${version}`;
  const stored = golden.find((one) => one.name === name)!.stored.data;
  return [stored, ...(FULL_VALUES[name] ?? [])].map((value) => ({ name, type, version, value }));
});

describe('the published schemas', () => {
  it('are there for every type and version, former ones too, and for the headers', () => {
    const expected = [...forms.map(({ type, version }) => `${type}.${version}`), 'headers'];
    expect(Object.keys(SCHEMAS).sort(), GUIDE).toEqual(expected.sort());
  });

  it.each(Object.entries(SCHEMAS))(
    'of %s say what they are of, and what all of it means',
    (name, schema) => {
      const [type = '', version] = name.split('.');
      const id =
        version === undefined ? 'urn:jobledger:schema:headers' : idOf(type, Number(version));
      expect(schema.$id).toBe(id);
      expect(schema.title).toContain(
        version === undefined ? 'Headers' : `${type}, version ${version}`,
      );
      const parts = [...partsOf(schema)];
      expect(parts.filter((part) => (part.description ?? '').length < 8)).toEqual([]);
      const closed = parts.filter((part) => part.properties && part.additionalProperties !== true);
      expect(closed).toEqual([]);
    },
  );

  it('say the same of what several types carry', () => {
    const texts = new Map<string, Set<string>>();
    for (const { $defs = {} } of Object.values(SCHEMAS))
      for (const [name, part] of Object.entries($defs))
        texts.set(name, (texts.get(name) ?? new Set()).add(JSON.stringify(part)));
    expect([...texts].filter(([, variants]) => variants.size > 1)).toEqual([]);
    expect([...texts.keys()]).toContain('error');
  });

  it.each(values)('are met by a value of $name', ({ type, version, value }) => {
    expect(problemsOf(idOf(type, version), value)).toEqual([]);
  });

  it.each(values)('refuse $name with anything promised left out or of another type', (one) => {
    const wrong = [...wrongValues(SCHEMAS[one.name]!, one.value)];
    const taken = wrong.filter(
      ({ value }) => problemsOf(idOf(one.type, one.version), value).length === 0,
    );
    expect(taken.map(({ what }) => what)).toEqual([]);
    expect(wrong.length).toBeGreaterThan(1);
  });

  it.each(values)('let $name have more than is known today', (one) => {
    const grown = [...grownValues(SCHEMAS[one.name]!, one.value)];
    const refused = grown.filter(
      ({ value }) => problemsOf(idOf(one.type, one.version), value).length > 0,
    );
    expect(refused.map(({ what }) => what)).toEqual([]);
    expect(grown.length).toBeGreaterThan(0);
  });

  it('have no property that none of these values has', () => {
    const seen = new Set(
      values.flatMap(({ name, value }) => [...namesIn(value)].map((one) => `${name} ${one}`)),
    );
    const unseen = Object.entries(SCHEMAS)
      .filter(([name]) => name !== 'headers')
      .flatMap(([name, schema]) =>
        [...partsOf(schema)].flatMap(({ properties = {} }) =>
          Object.keys(properties).map((one) => `${name} ${one}`),
        ),
      )
      .filter((one) => !seen.has(one));
    expect(unseen).toEqual([]);
  });

  it.each(EVENT_TYPES)('are met by the example of %s in docs/events.md', (type) => {
    const [example] = blocksOf('docs/events.md', section(document('docs/events.md'), type));
    expect(problemsOf(idOf(type, EVENT_VERSIONS[type]), JSON.parse(example!.text))).toEqual([]);
  });
});

describe('the schema of the headers', () => {
  it.each(events)('is met by the record of $type $schemaVersion', (event) => {
    expect(recordProblems(event)).toEqual([]);
  });

  it('names exactly the headers that a record has', () => {
    const { required = [], properties = {} } = SCHEMAS['headers']!;
    const headersOf = (meta: object) =>
      Object.keys(toRecord({ ...events[0]!, meta: JSON.stringify(meta) }, ORIGIN).headers).sort();
    expect(headersOf({})).toEqual([...required].sort());
    const traced = headersOf({ traceparent: '00-0-0-01', tracestate: 'a=b' });
    expect(traced).toEqual(Object.keys(properties).sort());
  });

  it('refuses each header that is missing or is no text of its form', () => {
    const { headers } = toRecord(events[0]!, ORIGIN);
    const { required = [], $id } = SCHEMAS['headers']!;
    for (const name of required) {
      const { [name]: _, ...others } = headers;
      expect(problemsOf($id!, others), name).not.toEqual([]);
      expect(problemsOf($id!, { ...headers, [name]: '' }), name).not.toEqual([]);
    }
    const badMeta = { ...events[0]!, meta: '{"hops": "one"}' };
    expect(recordProblems(badMeta)).toEqual([expect.stringContaining('/hops must be integer')]);
  });
});

const ORIGIN = { ledgerId: '01890a5d-ac96-774b-bcce-b302099a8000', epoch: 1 };

/** A schema, and every schema within it. */
function* partsOf(schema: Schema): Generator<Schema> {
  yield schema;
  const { properties = {}, $defs = {}, oneOf = [], items } = schema;
  for (const part of [...Object.values(properties), ...Object.values($defs), ...oneOf])
    yield* partsOf(part);
  if (items !== undefined) yield* partsOf(items);
}

/** The names of all properties in a value, at any depth. */
function* namesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    yield name;
    yield* namesIn(inner);
  }
}
