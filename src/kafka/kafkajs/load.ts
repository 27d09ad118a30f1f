import type { Kafka } from 'kafkajs';
import type { KafkaOptions } from '../../api-kafka.js';
import { LedgerError } from '../../errors.js';
import type { Log } from '../../job/define.js';

/** Loaded only here: who has no broker need not install it. */
export async function loadKafka(options: KafkaOptions, log: Log): Promise<Kafka> {
  const { Kafka, logLevel } = await load();
  return new Kafka({
    clientId: options.clientId ?? 'jobledger',
    brokers: [...options.brokers],
    ...(options.ssl !== undefined && { ssl: options.ssl }),
    ...(options.sasl !== undefined && { sasl: options.sasl as never }),
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    // Who asks tries again himself, and says so.
    retry: { initialRetryTime: 100, retries: 3, maxRetryTime: 1_000 },
    // What matters of it is told by us, in words that say what to do.
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, log: entry }) =>
        log.debug({ code: 'KAFKA_CLIENT', namespace, ...entry }, entry.message),
  });
}

async function load() {
  try {
    const module = await import('kafkajs');
    return (module as unknown as { default?: typeof module }).default ?? module;
  } catch (error) {
    throw new LedgerError('MISSING_PACKAGE', `kafka: run 'npm install kafkajs@2.2.4'`, {
      cause: error,
    });
  }
}
