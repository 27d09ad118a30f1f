import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { refuse } from '../support/kafka.js';
import { startNode } from '../support/processes.js';

const CHAOS = fileURLToPath(new URL('../../chaos/main.mjs', import.meta.url));

/** What the run is to make; a list of its own, so that none gets lost. */
const FAULTS = [
  ...['relay killed', 'relay paused beyond its lease', 'relay told to stop', 'worker killed'],
  ...['consumer killed', 'consumer paused', 'consumer told to stop'],
  ...['broker killed', 'broker connections cut in mid-request', 'broker connections gone deaf'],
  ...['acknowledgement of a Produce lost', 'acknowledgement of a commit lost'],
  ...['Postgres killed', 'backends terminated', 'connections to Postgres cut in mid-statement'],
  ...['publication locked by a stranger'],
];

interface Verdict {
  readonly verified: boolean;
  readonly problems: readonly string[];
  readonly faults: { readonly [name: string]: number };
  readonly kills: number;
  readonly checks: readonly { readonly name: string; readonly held: number }[];
}

test('fifty kills and more, of all that takes part, leave a topic that is the ledger, and effects of it', async (context) => {
  const problem = await brokerProblem();
  if (problem !== undefined) refuse(context, problem);
  const args = ['--kafka', '--faults', '400', '--kills', '50', '--minutes', '10', '--json'];
  const run = startNode(CHAOS, { args });
  const exit = await run.exit;
  const story = run.errorLines.join('\n');
  const verdict = JSON.parse(run.lines.at(-1) ?? 'null') as Verdict | null;
  expect(verdict?.problems, story).toEqual([]);
  expect({ ...exit, verified: verdict?.verified }, story).toEqual({
    ...{ code: 0, signal: null, verified: true },
  });
  expect(verdict!.kills).toBeGreaterThanOrEqual(50);
  expect(Object.keys(verdict!.faults).sort()).toEqual([...FAULTS].sort());
  const idle = verdict!.checks.filter(({ held }) => held === 0).map(({ name }) => name);
  expect(idle).toEqual([]);
}, 1_200_000);
