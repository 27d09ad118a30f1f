import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { refuse } from '../support/kafka.js';
import { startNode } from '../support/processes.js';

const MUTATION = fileURLToPath(new URL('../../chaos/kafka/mutation.mjs', import.meta.url));

interface Performance {
  readonly mutant: string;
  readonly performance: 'whole' | 'without';
  readonly rules: readonly string[];
  readonly told: readonly string[];
}

const POSITIONS = 'positions of the topic are 1, 2, 3 and so on, in each partition';
const VERSIONS = 'versions of each job on the topic are 1, 2, 3 and so on';
const END = 'the topic ends where the ledger does';
const CONTENT = 'key, headers and value of every record are its event';

/** Whole, with the fence; without it. */
const EXPECTED = {
  // What is sent again comes again: its positions, and the versions of its jobs.
  'the look in the topic, memory instead': [[], [POSITIONS, VERSIONS]],
  'the look in the topic, the table instead': [[], [POSITIONS, VERSIONS]],
  // What was undone counts as sent.
  'the look at what is committed only': [[], [POSITIONS]],
  'one transactional id for each partition': [[], [POSITIONS, VERSIONS]],
  // The topic has what the ledger lost in either case; refused, it stays one history that readers can keep.
  'the comparison by content': [
    [END, CONTENT],
    [VERSIONS, CONTENT],
  ],
};

test('without a fence of the relay damage is done to the topic, and found', async (context) => {
  const problem = await brokerProblem();
  if (problem !== undefined) refuse(context, problem);
  const run = startNode(MUTATION);
  const { code } = await run.exit;
  expect(code, run.errorLines.join('\n')).toBe(0);
  const played = run.lines.map((line) => JSON.parse(line) as Performance);
  const rulesOf = (name: string, how: string) =>
    played.find(({ mutant, performance }) => mutant === name && performance === how)?.rules;
  const found = Object.keys(EXPECTED).map((name) => [
    name,
    [rulesOf(name, 'whole'), rulesOf(name, 'without')],
  ]);
  expect(Object.fromEntries(found)).toEqual(EXPECTED);
  const refusal = played.find(({ mutant }) => mutant === 'the comparison by content')?.told[0];
  expect(refusal).toContain("event 0/6 is another one than the ledger's");
});
