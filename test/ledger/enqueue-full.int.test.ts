import { expect, test } from 'vitest';
import type { Ledger } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();

/** Many enqueues at once, and how many of them were refused with which code. */
async function flood(ledger: Ledger, jobs: number, payload: unknown) {
  const settled = await Promise.allSettled(
    Array.from({ length: jobs }, () => ledger.enqueue('flood', payload)),
  );
  const codes = settled.flatMap((one) =>
    one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
  );
  return { refused: codes.length, codes: new Set(codes) };
}

test.each([
  ['jobs', 22_000, 1],
  ['bytes', 100, 'x'.repeat(500_000)],
])('more %s than may wait to be flushed wait their turn', async (_, jobs, payload) => {
  const ledger = await site.open();
  const { enqueued } = await ledger.stats();
  expect(await flood(ledger, jobs, payload)).toMatchObject({ refused: 0 });
  expect((await ledger.stats()).enqueued).toBe(enqueued + jobs);
});

test.each([
  ['jobs', 22_000, 1],
  ['bytes', 100, 'x'.repeat(500_000)],
])(
  'more %s than may wait to be flushed are refused if asked for, and the rest is there',
  async (_, jobs, payload) => {
    const ledger = await site.open({ whenBufferFull: 'reject' });
    const { enqueued } = await ledger.stats();
    const { refused, codes } = await flood(ledger, jobs, payload);
    expect([...codes]).toEqual(['BUFFER_FULL']);
    expect(refused).toBeLessThan(jobs / 2);
    expect((await ledger.stats()).enqueued).toBe(enqueued + jobs - refused);
    await expect(ledger.enqueue('flood', 1)).resolves.toMatchObject({ created: true });
  },
);
