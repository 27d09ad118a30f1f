import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJson } from '../../src/job/encode-json.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  client = new pg.Client(database.config);
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('the bytes counted for JSON', () => {
  it('are those that Postgres stores', async () => {
    const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('list'), tie('object')),
      leaf: fc.oneof(number, fc.string({ unit: 'grapheme' }), fc.boolean(), fc.constant(null)),
      list: fc.array(tie('value')),
      object: fc.dictionary(fc.string(), tie('value')),
    }));
    const values = fc.sample(value, 300);
    const encoded = values.map((one) => encodeJson(one, 'value'));
    const texts = encoded.map((one) => ('text' in one ? one.text : 'null'));
    const counted = encoded.map((one) => ('text' in one ? one.storedBytes : 4));
    const { rows } = await client.query<{ bytes: number }>(
      `select octet_length(text::jsonb::text) as bytes
       from unnest($1::text[]) with ordinality as given(text, place) order by place`,
      [texts],
    );
    const stored = rows.map((row) => row.bytes);
    const wrong = texts.filter((_, index) => stored[index] !== counted[index]);
    expect(wrong).toEqual([]);
    expect(encoded.filter((one) => 'text' in one).length).toBeGreaterThan(200);
  });
});
