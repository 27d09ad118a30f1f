import type { KafkaOptions } from '../api-kafka.js';
import { LedgerError } from '../errors.js';
import { shown } from '../job/limits.js';
import { DEFAULT_TOPIC } from './topic.js';

/** Options checked, with the topic's name. */
export type KafkaSettings = KafkaOptions & { readonly topic: string };

/** Checks Kafka options; all faults are told at once. Throws `BAD_CONFIG`. */
export function kafkaSettings(options: KafkaOptions): KafkaSettings {
  if (typeof options !== 'object' || options === null)
    throw new LedgerError('BAD_CONFIG', `kafka: expected { brokers }, got ${shown(options)}`);
  const { brokers, topic = DEFAULT_TOPIC } = options;
  const problems = [...brokerProblems(brokers), ...topicProblems(topic)];
  if (problems.length > 0) throw new LedgerError('BAD_CONFIG', problems.join('; '));
  return { ...options, topic };
}

function brokerProblems(brokers: unknown): readonly string[] {
  if (!Array.isArray(brokers) || brokers.length === 0)
    return ['kafka.brokers: expected a list of addresses like host:9092'];
  return brokers
    .filter((one: unknown) => typeof one !== 'string' || !ADDRESS.test(one))
    .map((one: unknown) => `kafka.brokers: expected an address like host:9092, got ${shown(one)}`);
}

const ADDRESS = /^[^\s,/:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/;

/** Kafka's own rule for names. */
function topicProblems(topic: unknown): readonly string[] {
  const isName = typeof topic === 'string' && /^[A-Za-z0-9._-]{1,249}$/.test(topic);
  if (isName && topic !== '.' && topic !== '..') return [];
  return [`kafka.topic: expected 1 to 249 of A-Z a-z 0-9 . _ -, got ${shown(topic)}`];
}
