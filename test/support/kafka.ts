import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { inject, onTestFinished, type TestContext } from 'vitest';
import { startAnyBroker, type TestBroker } from './kafka-broker.js';

/**
 * The broker that all files share, as kafkajs takes it. Without one the test is skipped, or fails
 * where `CI` is set. Names of topics, groups and transactions have to be a test's own: `ownName`.
 */
export function sharedBrokers(context: TestContext): string[] {
  const problem = inject('kafkaProblem');
  if (problem !== '') refuse(context, problem);
  return inject('kafkaBrokers').split(',');
}

/** A broker of the test's own, also beside `KAFKA_BROKERS`. It ends with the test. */
export async function startKafka(context: TestContext): Promise<TestBroker> {
  const broker = await startAnyBroker();
  if (typeof broker === 'string') return refuse(context, broker);
  onTestFinished(() => broker.stop());
  return broker;
}

/** A kafkajs client that is quiet: while coordinators load, it logs what it only has to retry. */
export function kafkaClient(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], clientId: 'test', logLevel: logLevel.NOTHING });
}

/** A name that no other test and no other run uses. */
export function ownName(stem: string): string {
  return `${stem}-${randomBytes(6).toString('hex')}`;
}

/** Skips the test, or fails it where `CI` is set. */
export function refuse(context: TestContext, problem: string): never {
  if (process.env['CI']) throw new Error(`no Kafka broker, and CI demands one: ${problem}`);
  return context.skip(`no Kafka broker: ${problem}`);
}
