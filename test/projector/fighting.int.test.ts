import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NonRetryableError } from 'jobledger';
import { projections } from '../../projections/index.js';
import { takeBuilds } from '../../src/projector/builds.js';
import { readHeads } from '../../src/ledger/heads.js';
import { readCheckpoints } from '../../src/projector/feed.js';
import { Folding } from '../../src/projector/folding.js';
import { prepareBuilds } from '../../src/projector/prepare.js';
import { verifyProjection } from '../../src/projector/verify-projection.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { job, QUICK } from '../worker/site.js';

const site = await ledgerSite();
const OWNER = '7b0f6a52-54a5-4f0e-8a53-5d4a4b4f9e11';

const AT_ONCE = {
  maxAttempts: 2,
  retry: { type: 'fixed', baseMs: 0, jitter: 'none' },
} as const;

/** A hundred jobs, of which some fail for now and then for good. */
async function work(): Promise<void> {
  const ledger = await site.open();
  const bad = () => Promise.reject(new Error('no'));
  const worker = ledger.worker({
    ...QUICK,
    jobs: [
      job('good', () => 1),
      job('bad', bad),
      job('fatal', () => Promise.reject(new NonRetryableError('never'))),
    ],
  });
  await worker.start();
  const kinds = ['good', 'good', 'bad', 'fatal'];
  await ledger.enqueueMany(
    Array.from({ length: 100 }, (_, n) => ({ job: kinds[n % 4]!, payload: n, ...AT_ONCE })),
  );
  await eventually(
    async () => {
      const { states } = await ledger.stats();
      expect(states.available + states.running + states.retrying).toBe(0);
    },
    { timeoutMs: 20_000 },
  );
  await worker.stop();
}

test('two that fold the same stretches at once, as if both had the right to, write each once', async () => {
  const [one, other] = [await site.store(), await site.store()];
  await prepareBuilds(one, projections);
  const { builds } = await takeBuilds(one, projections, OWNER);
  expect(builds).toHaveLength(projections.length);
  let refused = 0;
  const refuse = () => void refused++;
  // Caches of jobs stay from run to run, and are behind after each lost race.
  const foldings = [new Folding(one, refuse), new Folding(other, refuse)] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 5, max: 200 }), { minLength: 1 }),
      async (steps) => {
        await work();
        const heads = await readHeads(one);
        for (let n = 0, isThere = false; !isThere; n++) {
          const most = steps[n % steps.length]!;
          const done = await Promise.all(
            foldings.map((fold) => fold.round(builds, heads, { most, together: true })),
          );
          isThere = done.every(({ behind }) => behind.size === 0);
        }
        const ids = builds.map(({ id }) => id);
        for (const at of (await readCheckpoints(one, ids)).values())
          for (const [partition, head] of heads) expect(at.get(partition)).toBe(head);
        for (const { projection, id } of builds)
          expect(await verifyProjection(one, projection, id)).toMatchObject({
            ...{ name: projection.name, verified: true, parked: 0, differences: [] },
          });
      },
    ),
    { numRuns: 2, endOnFailure: true },
  );
  expect(refused).toBeGreaterThan(0);
}, 60_000);
