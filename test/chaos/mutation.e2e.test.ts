import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from '../support/processes.js';

const MUTATION = fileURLToPath(new URL('../../chaos/mutation.mjs', import.meta.url));

interface Performance {
  readonly performance: string;
  readonly findings: readonly string[];
  readonly rules: readonly string[];
}

/** What is found with the fence out; whole, or with one of two fences left, nothing is. */
const NONE = { findings: [], rules: [] };
const BACKED = { whole: NONE, 'without it, backed': NONE, 'without its back': NONE };

test.each([
  ['the version constraint', { whole: NONE, without: { findings: ['version-gap'], rules: [] } }],
  // Finish asks whether the worker lives, too: a lease that was reaped has a dead worker.
  [
    'the lease check at finish',
    { ...BACKED, without: { findings: ['second-outcome'], rules: [] } },
  ],
  [
    'the atomicity of the inbox',
    {
      whole: NONE,
      without: {
        findings: [],
        rules: [
          'a transactional job is there exactly if its transaction’s rows are',
          'what was committed is there, what was rolled back is not',
        ],
      },
    },
  ],
  // The primary key (partition, position) refuses what an unlocked append would write.
  ['the lock of the reaper', { ...BACKED, without: { findings: ['position-gap'], rules: [] } }],
  // The version constraint refuses what a second leader would write.
  ['the lead of the reaper', { ...BACKED, without: { findings: ['version-gap'], rules: [] } }],
])('without %s damage is done, and found', async (mutant, expected) => {
  const run = startNode(MUTATION, { args: [mutant] });
  const { code } = await run.exit;
  expect(code, run.errorLines.join('\n')).toBe(0);
  const played = run.lines.map((line) => JSON.parse(line) as Performance);
  const found = played.map(({ performance, findings, rules }) => [
    performance,
    { findings, rules },
  ]);
  expect(Object.fromEntries(found)).toEqual(expected);
});
