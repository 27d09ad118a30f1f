import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from '../support/processes.js';

const CHAOS = fileURLToPath(new URL('../../chaos/main.mjs', import.meta.url));

interface Verdict {
  readonly verified: boolean;
  readonly problems: readonly string[];
  readonly faults: { readonly [name: string]: number };
  readonly faultsMade: number;
  readonly jobs: number;
  readonly kinds: { readonly [kind: string]: { readonly [state: string]: number } };
  readonly marks: { readonly events: { readonly [type: string]: number } };
  readonly checks: readonly { readonly name: string; readonly held: number }[];
}

test('sixty faults of every kind leave a ledger at work unharmed', async () => {
  const run = startNode(CHAOS, { args: ['--faults', '60', '--minutes', '6', '--json'] });
  const exit = await run.exit;
  const story = run.errorLines.join('\n');
  const verdict = JSON.parse(run.lines.at(-1) ?? 'null') as Verdict | null;
  expect(verdict?.problems, story).toEqual([]);
  expect({ ...exit, verified: verdict?.verified }, story).toEqual({
    ...{ code: 0, signal: null, verified: true },
  });
  expect(verdict!.faultsMade).toBeGreaterThanOrEqual(60);
  // Every kind of fault has been made, and has left its mark: else the run proves nothing.
  expect(Object.keys(verdict!.faults).length).toBeGreaterThanOrEqual(12);
  expect(verdict!.marks.events['AttemptLost']).toBeGreaterThan(0);
  expect(Object.keys(verdict!.kinds).length).toBeGreaterThanOrEqual(14);
  const idle = verdict!.checks.filter(({ held }) => held === 0).map(({ name }) => name);
  expect(idle).toEqual([]);
});

test('a flag that cannot be is refused in one line', async () => {
  const refused = startNode(CHAOS, { args: ['--faults', 'many'] });
  expect((await refused.exit).code).toBe(2);
  expect(refused.errorLines).toEqual(['--faults: expected a whole number from 1, got "many"']);
});
