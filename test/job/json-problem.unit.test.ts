import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeJson } from '../../src/job/encode-json.js';
import { jsonProblem } from '../../src/job/json-problem.js';

class Money {
  constructor(readonly cents: number) {}
}

const cyclic: { items: unknown[] } = { items: [] };
cyclic.items.push({ back: cyclic });

const BAD: readonly (readonly [string, unknown, string])[] = [
  ['NaN', { items: [0, 1, { price: Number.NaN }] }, 'payload.items[2].price: NaN is not JSON'],
  ['Infinity', -Infinity, 'payload: -Infinity is not JSON'],
  ['undefined', undefined, 'payload: undefined is not JSON (leave it out, or use null)'],
  [
    'an undefined member',
    { a: undefined },
    'payload.a: undefined is not JSON (leave it out, or use null)',
  ],
  [
    'a hole',
    Object.assign([1], { 2: 3 }),
    'payload[1]: undefined is not JSON (leave it out, or use null)',
  ],
  ['a function', { run: () => 5 }, 'payload.run: a function is not JSON'],
  ['a symbol', [Symbol('x')], 'payload[0]: a symbol is not JSON'],
  ['a BigInt', { n: 5n }, 'payload.n: a BigInt is not JSON (send it as text)'],
  ['a Map', { 'my map': new Map() }, 'payload["my map"]: a Map is not JSON'],
  ['a Set', new Set(), 'payload: a Set is not JSON'],
  ['an Error', { e: new Error('x') }, 'payload.e: an Error is not JSON'],
  ['a class instance', { price: new Money(5) }, 'payload.price: a Money is not JSON'],
  ['a typed array', { bytes: new Uint8Array(2) }, 'payload.bytes: an Uint8Array is not JSON'],
  ['a cycle', cyclic, 'payload.items[0].back: a cycle is not JSON'],
  ['an invalid Date', { at: new Date(Number.NaN) }, 'payload.at: NaN is not JSON'],
  ['\\u0000', { a: 'x\u0000y' }, 'payload.a: text with \\u0000 cannot be stored'],
  ['a lone surrogate', ['\ud800'], 'payload[0]: text with a lone surrogate cannot be stored'],
  [
    'a bad name',
    { 'a\u0000': 1 },
    'payload["a\\u0000"]: the name: text with \\u0000 cannot be stored',
  ],
  [
    'a bad toJSON',
    { a: { toJSON: () => undefined } },
    'payload.a: undefined is not JSON (leave it out, or use null)',
  ],
  [
    'a toJSON that throws',
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
    'payload: cannot be read as JSON (Error: no)',
  ],
];

describe('what is not JSON', () => {
  it.each(BAD)('is named by its path: %s', (_, value, problem) => {
    expect(jsonProblem(value, 'payload')).toBe(problem);
    expect(encodeJson(value, 'payload')).toEqual({ problem });
  });

  it('is nesting over 1,000 levels', () => {
    expect(encodeJson(nested(1_000), 'payload')).toHaveProperty('text');
    expect(encodeJson(nested(1_001), 'payload')).toMatchObject({
      problem: expect.stringContaining('nested over 1000 levels deep'),
    });
    expect(encodeJson(nested(200_000), 'payload')).toHaveProperty('problem');
  });

  it('is what would unfold without an end from shared parts', () => {
    let value: unknown = 'leaf';
    for (let level = 0; level < 60; level += 1) value = [value, value];
    expect(encodeJson(value, 'payload')).toEqual({
      problem: expect.stringContaining('more than 1000000 values'),
    });
  });
});

describe('what is JSON', () => {
  it.each([
    ['null', null, 'null'],
    ['shared parts', ((part) => [part, part])({ a: 1 }), '[{"a":1},{"a":1}]'],
    ['a Date', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['a URL', new URL('https://a.example/'), '"https://a.example/"'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['an object of another realm', runInNewContext('({ a: [1] })'), '{"a":[1]}'],
    ['text with control characters', 'a\u0001\n', '"a\\u0001\\n"'],
    ['text that looks like an escape', '\\u0000', '"\\\\u0000"'],
    ['a pair of surrogates', '🙂', '"🙂"'],
    ['minus zero', -0, '0'],
  ])('is printed as JSON.stringify prints it: %s', (_, value, text) => {
    expect(encodeJson(value, 'payload')).toMatchObject({ text });
    expect(jsonProblem(value, 'payload')).toBeUndefined();
  });

  it('is anything that JSON brings back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const encoded = encodeJson(value, 'payload');
        const text = JSON.stringify(value);
        const isStorable = jsonProblem(value, 'payload') === undefined;
        expect('text' in encoded ? encoded.text : undefined).toBe(isStorable ? text : undefined);
      }),
    );
  });

  it('is told from all else alike by the quick look and the search', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect('problem' in encodeJson(value, 'p')).toBe(jsonProblem(value, 'p') !== undefined);
      }),
    );
  });
});

describe('the bytes that Postgres stores', () => {
  it.each([
    ['{}', {}, 2],
    ['{"a": 1, "b": [1, 2]}', { a: 1, b: [1, 2] }, 21],
    ['text with : and ,', { a: 'x:y,z' }, 14],
    ['1e308', 1e308, 309],
    ['-1.5e-7', -1.5e-7, 11],
    ['5e-324', 5e-324, 326],
    ['1e21', 1e21, 22],
    ['€', '€', 5],
    ['a date within', { at: new Date(0) }, 34],
  ])('are counted for %s', (_, value, storedBytes) => {
    expect(encodeJson(value, 'payload')).toMatchObject({ storedBytes });
  });
});

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}
