import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from '../support/processes.js';

const CHAOS = fileURLToPath(new URL('../../chaos/main.mjs', import.meta.url));

/** What the run is to make; a list of its own, so that none gets lost. */
const FAULTS = [
  ...['worker killed', 'worker paused beyond its lease', 'worker told to stop'],
  ...[
    'worker with a wrong clock',
    'producer killed',
    'Postgres killed',
    'Postgres stopped at once',
  ],
  ...['backends terminated', 'connections cut in mid-statement', 'commit not acknowledged'],
  ...['connections gone deaf', 'no connection left', 'partition locked by a stranger'],
  ...['dispatch rows locked by a stranger', 'unique key held by a stranger'],
];
const KINDS = [
  ...['plain', 'slow', 'child', 'delayed', 'unique', 'transactional', 'sql', 'bulk', 'moved'],
  ...['flaky', 'snoozed', 'parent', 'canceled', 'broken', 'hopeless', 'timed-out', 'killer'],
];

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
  expect(Object.keys(verdict!.faults).sort()).toEqual([...FAULTS].sort());
  const marks = ['AttemptLost', 'AttemptReleased', 'JobDeduplicated'];
  for (const mark of marks) expect(verdict!.marks.events[mark], mark).toBeGreaterThan(0);
  expect(Object.keys(verdict!.kinds).sort()).toEqual([...KINDS].sort());
  expect(verdict!.kinds['killer']!['failed']).toBeGreaterThan(0);
  const idle = verdict!.checks.filter(({ held }) => held === 0).map(({ name }) => name);
  expect(idle).toEqual([]);
});

test('a flag that cannot be is refused in one line', async () => {
  const refused = startNode(CHAOS, { args: ['--faults', 'many'] });
  expect((await refused.exit).code).toBe(2);
  expect(refused.errorLines).toEqual(['--faults: expected a whole number from 1, got "many"']);
});
