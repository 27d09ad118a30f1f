import { expect, test } from 'vitest';
import type { Log } from 'jobledger';
import { Outage } from '../../src/worker/outage.js';

function told(): { readonly codes: string[]; readonly outage: Outage } {
  const codes: string[] = [];
  const silent = () => {};
  const log: Log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields) => codes.push((fields as { code: string }).code),
    child: () => log,
  };
  return { codes, outage: new Outage(log) };
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

test('a standby that can be read stays away until a write goes through', () => {
  const { codes, outage } = told();
  outage.failed(readOnly());
  outage.answered(false);
  outage.failed(readOnly());
  expect(codes).toEqual(['STORE_AWAY']);
  outage.answered(true);
  expect(codes).toEqual(['STORE_AWAY', 'STORE_BACK']);
});
