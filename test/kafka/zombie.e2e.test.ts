import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { refuse } from '../support/kafka.js';
import { startNode } from '../support/processes.js';

const MUTATION = fileURLToPath(new URL('../../chaos/kafka/mutation.mjs', import.meta.url));

interface Performance {
  readonly rules: readonly string[];
  readonly told: readonly (string | undefined)[];
  readonly ids: readonly string[];
  readonly lines: readonly string[];
}

/** The scene is `zombie` of chaos/kafka/scenarios.mjs: what is held and let go is the commit itself. */
test('a relay that stood still in mid-transaction commits too late: a reader sees each event once, and it goes on', async (context) => {
  const problem = await brokerProblem();
  if (problem !== undefined) refuse(context, problem);
  const run = startNode(MUTATION, { args: ['one transactional id for each partition'] });
  const { code } = await run.exit;
  expect(code, run.errorLines.join('\n')).toBe(0);
  const [whole, without] = run.lines.map((line) => JSON.parse(line) as Performance);
  const each = Array.from({ length: 12 }, (_, index) => `0/${index + 1}`);
  expect(whole!.ids).toEqual(each);
  expect(whole!.rules).toEqual([]);
  // It has been told that another one is there, and it is what publishes the last three.
  expect(whole!.told).toEqual(['an old epoch']);
  // The proof that its commit did come, late: with an id of its own it is taken, and doubles events.
  expect(new Set(without!.ids)).toEqual(new Set(each));
  expect(without!.ids.filter((id) => id === '0/4')).toHaveLength(2);
});
