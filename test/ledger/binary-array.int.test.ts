import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  booleanArray,
  float8Array,
  int4Array,
  int8Array,
  jsonbArray,
  textArray,
  uuidArray,
} from '../../src/ledger/binary-array.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** What Postgres reads an array as, element by element, as text. */
async function read(type: string, array: Buffer): Promise<(string | null)[]> {
  const text = `select array(select element::text from unnest($1::${type}[]) element) as texts`;
  const result = await client.query<{ texts: (string | null)[] }>({ text, values: [array] });
  return result.rows[0]!.texts;
}

describe('an array in binary format', () => {
  const cases = [
    ['uuid', uuidArray, fc.uuid(), (id: string) => id],
    ['text', textArray, fc.string({ unit: 'grapheme' }).map(clean), (text: string) => text],
    ['int', int4Array, fc.integer(), String],
    ['bigint', int8Array, fc.maxSafeInteger(), String],
    ['float8', float8Array, fc.double({ noNaN: true, noDefaultInfinity: true }), undefined],
    ['boolean', booleanArray, fc.boolean(), String],
  ] as const;

  it.each(cases)('of %s is read as it was written', async (type, encode, element, shown) => {
    const elements = fc.array(fc.option(element as fc.Arbitrary<never>, { nil: null }));
    await fc.assert(
      fc.asyncProperty(elements, async (given) => {
        const got = await read(type, encode(given));
        const texts = (given as (string | number | boolean | null)[]).map((one) =>
          one === null ? null : shown === undefined ? one : shown(one as never),
        );
        expect(shown === undefined ? got.map((one) => one && Number(one)) : got).toEqual(texts);
      }),
      { numRuns: 40 },
    );
  });

  it('of JSON is parsed by Postgres, which refuses what it cannot store', async () => {
    const given = ['{"a": [1, "é😀\\n\\"", null]}', null, '"x"'];
    expect(await read('jsonb', jsonbArray(given))).toEqual(given);
    await expect(read('jsonb', jsonbArray(['"\\u0000"']))).rejects.toMatchObject({ code: '22P05' });
  });

  it('without elements is empty', async () => {
    expect(await read('uuid', uuidArray([]))).toEqual([]);
  });
});

/** Postgres' text holds no NUL. */
function clean(text: string): string {
  return text.replaceAll('\0', '');
}
