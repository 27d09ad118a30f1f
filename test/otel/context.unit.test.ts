import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedSpan } from '../../src/trace/ids.js';
import { isChild, timeInId } from '../../src/trace/rules.js';
import { deeper, depthOf, spanContextOf, traceMetaOf, withBaggage } from '../../src/tracing.js';
import { newJobId } from '../../src/ledger/ids.js';

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...Array.from('0123456789abcdef')), {
      minLength: length,
      maxLength: length,
    })
    .map((digits) => digits.join(''))
    .filter((text) => /[1-9a-f]/.test(text));

describe('what leads back to a span', () => {
  it('comes out of an event’s meta as it went in, with baggage of any text', () => {
    const entries = fc.dictionary(fc.string({ minLength: 1 }), fc.record({ value: fc.string() }), {
      maxKeys: 5,
    });
    const span = fc.record({
      ...{ traceId: hex(32), spanId: hex(16), traceFlags: fc.constantFrom(0, 1) },
    });
    fc.assert(
      fc.property(span, entries, (context, given) => {
        const carried = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(given));
        const meta = traceMetaOf(context, carried);
        expect(spanContextOf(meta)).toEqual({ ...context, isRemote: true });
        const back = propagation.getBaggage(withBaggage(meta))?.getAllEntries() ?? [];
        expect(Object.fromEntries(back)).toEqual({ ...given });
      }),
    );
  });

  it('is none where meta says nonsense', () => {
    const zero = '0'.repeat(16);
    for (const traceparent of ['', 'x', `00-${zero}${zero}-${zero}-01`, 7 as never, undefined])
      expect(spanContextOf({ traceparent })).toBeUndefined();
    expect(withBaggage({ baggage: 'a=%zz,b,=c,d=1;x' })).not.toBe(ROOT_CONTEXT);
    expect(withBaggage({ baggage: 7 as never })).toBe(ROOT_CONTEXT);
  });

  it('carries baggage up to the bound that W3C sets, and no more', () => {
    const given = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`key${n}`, { value: 'x'.repeat(500) }]),
    );
    const carried = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(given));
    const { baggage } = traceMetaOf(derivedSpan('a', 1), carried);
    expect(baggage!.length).toBeLessThanOrEqual(8_192);
    expect(baggage!.length).toBeGreaterThan(7_000);
  });
});

describe('a child', () => {
  const enqueue = derivedSpan('a', 0);
  const soon = { attempt: 1, delayed: false, ageMs: 59_999, mode: undefined };

  it.each([
    ['a first attempt that begins soon', {}, true],
    ['one whose enqueue has no known time', { ageMs: undefined }, true],
    ['one that begins late', { ageMs: 60_001 }, false],
    ['one that was delayed', { delayed: true }, false],
    ['a later attempt', { attempt: 2 }, false],
    ['one that shall link', { mode: 'link' as const }, false],
    [
      'one that shall be a child, late and delayed',
      { mode: 'child' as const, delayed: true, ageMs: 1e9 },
      true,
    ],
    ['a later attempt that shall be a child', { mode: 'child' as const, attempt: 2 }, false],
  ])('is %s: %o → %s', (_, other, expected) => {
    expect(isChild(enqueue, { ...soon, ...other })).toBe(expected);
  });

  it('is at most 25 jobs deep, whatever was asked for', () => {
    let span = enqueue;
    for (let depth = 0; depth < 25; depth++) {
      expect([depthOf(span), isChild(span, soon)]).toEqual([depth, true]);
      span = deeper(span);
    }
    expect(isChild(span, soon)).toBe(false);
    expect(isChild(span, { ...soon, mode: 'child' })).toBe(false);
  });
});

describe('ids', () => {
  it('that are derived are the same each time, and others for each job and attempt', () => {
    const all = ['a', 'b'].flatMap((job) =>
      [0, 1, 2, 3].map((attempt) => derivedSpan(job, attempt)),
    );
    expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(8);
    expect(new Set(all.map(({ traceId }) => traceId)).size).toBe(6);
    expect(derivedSpan('a', 1)).toEqual(all[1]);
    expect(all[0]!.traceId).toBe(all[1]!.traceId);
  });

  it('of ours say their time', () => {
    const before = Date.now();
    expect(timeInId(newJobId(3, 16))).toBeGreaterThanOrEqual(before - 1);
    expect(timeInId('5b7d8e1a-1f0c-4d6e-9b7a-0a1b2c3d4e5f')).toBeUndefined();
  });
});
