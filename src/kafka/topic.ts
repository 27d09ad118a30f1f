import { LedgerError } from '../errors.js';
import type { KafkaClient, TopicFacts } from './client.js';

/** The topic of a ledger unless said otherwise. */
export const DEFAULT_TOPIC = 'jobledger.events';

/** Kafka's own default, and ours: a batch of our records with their headers is kept below it. */
const LEAST_MESSAGE_BYTES = 1024 * 1024;

/** Kept for ever and whole: a topic that forgets can neither restore a ledger nor start a reader. */
const SETTINGS = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'message.timestamp.type': 'CreateTime',
};

/**
 * Makes the topic, or checks the one that is there. Throws `BAD_TOPIC` in one line for one that has
 * another number of partitions or refuses our records; for one that forgets too, unless it may.
 */
export async function prepareTopic(
  client: KafkaClient,
  topic: string,
  partitions: number,
  { mayForget = false } = {},
): Promise<void> {
  const settings = { ...SETTINGS, 'max.message.bytes': String(LEAST_MESSAGE_BYTES + 64 * 1024) };
  if ((await client.describeTopic(topic)) === undefined)
    await client.createTopic(topic, { partitions, settings });
  const facts = await client.describeTopic(topic);
  if (facts === undefined) throw badTopic(topic, 'it is not there, and could not be made');
  const problems = [...partitionProblems(facts, partitions), ...settingProblems(facts, mayForget)];
  if (problems.length > 0) throw badTopic(topic, problems.join('; '));
}

function badTopic(topic: string, problem: string): LedgerError {
  return new LedgerError('BAD_TOPIC', `topic ${JSON.stringify(topic)}: ${problem}`);
}

function partitionProblems(facts: TopicFacts, partitions: number): readonly string[] {
  if (facts.partitions === partitions) return [];
  return [`expected ${partitions} partitions, as the ledger has, got ${facts.partitions}`];
}

function settingProblems({ settings }: TopicFacts, mayForget: boolean): readonly string[] {
  const is = (name: string) => settings.get(name) ?? '';
  const problems: string[] = [];
  const expect = (name: string, expected: string) => {
    if (is(name) !== expected) problems.push(`expected ${name}=${expected}, got ${is(name)}`);
  };
  // A compacted topic keeps the last event of each job: that is no ledger, whatever is allowed.
  expect('cleanup.policy', 'delete');
  expect('message.timestamp.type', 'CreateTime');
  if (!mayForget) expect('retention.ms', '-1');
  if (!mayForget) expect('retention.bytes', '-1');
  if (Number(is('max.message.bytes')) < LEAST_MESSAGE_BYTES)
    problems.push(
      `expected max.message.bytes of at least ${LEAST_MESSAGE_BYTES}, got ${is('max.message.bytes')}`,
    );
  return problems;
}
