import { expect, test } from 'vitest';
import type { Log } from 'jobledger';
import { Outage } from '../../src/worker/outage.js';

interface Told {
  readonly codes: string[];
  readonly lines: unknown[];
  readonly outage: Outage;
}

function told(): Told {
  const codes: string[] = [];
  const lines: unknown[] = [];
  const silent = () => {};
  const log: Log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields, line) => {
      codes.push((fields as { code: string }).code);
      lines.push(line);
    },
    child: () => log,
  };
  return { codes, lines, outage: new Outage(log) };
}

const cut = () => Object.assign(new Error('cut'), { code: 'ECONNRESET' });
const readOnly = () => Object.assign(new Error('read-only'), { code: '25006' });

test('an outage is told once, and its end once', () => {
  const { codes, outage } = told();
  outage.answered(true);
  outage.failed(cut());
  outage.failed(cut());
  outage.answered(false);
  outage.answered(true);
  expect(codes).toEqual(['STORE_AWAY', 'STORE_BACK']);
});

test('a store that comes back as a standby is told of as one, once', () => {
  const { codes, lines, outage } = told();
  outage.failed(cut());
  outage.failed(readOnly());
  outage.failed(cut());
  outage.failed(readOnly());
  outage.answered(false);
  expect(lines).toEqual([
    'the store does not answer; waiting',
    'the store is a standby or read-only; waiting',
  ]);
  outage.answered(true);
  expect(codes).toEqual(['STORE_AWAY', 'STORE_AWAY', 'STORE_BACK']);
});

test('a standby that can be read stays away until a write goes through', () => {
  const { codes, outage } = told();
  outage.failed(readOnly());
  outage.answered(false);
  outage.failed(readOnly());
  expect(codes).toEqual(['STORE_AWAY']);
  outage.answered(true);
  expect(codes).toEqual(['STORE_AWAY', 'STORE_BACK']);
});
