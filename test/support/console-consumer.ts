import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { fetchJars, KAFKA_CACHE } from '../../src/kafka-broker/jars.js';
import { refuse } from './kafka.js';

export interface ConsoleReading {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly count: number;
}

/**
 * The first committed messages as Kafka's own console consumer prints them, a line each: partition,
 * headers, key and value with tabs between. Needs Java also where the broker runs in Docker.
 */
export async function printedByKafka(
  context: TestContext,
  { brokers, topic, count }: ConsoleReading,
): Promise<readonly string[]> {
  const problem = await brokerProblem();
  if (problem !== undefined) refuse(context, problem);
  const jars = join(await fetchJars(KAFKA_CACHE, console.log), '*');
  const printed = ['partition', 'headers', 'key'].flatMap((part) => [
    '--formatter-property',
    `print.${part}=true`,
  ]);
  const { stdout } = await promisify(execFile)(
    'java',
    [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars],
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning'],
      ...['--max-messages', String(count), '--timeout-ms', '30000'],
      ...['--command-property', 'isolation.level=read_committed'],
      ...printed,
    ],
    { maxBuffer: 64 * 1024 ** 2 },
  );
  return stdout.trimEnd().split('\n');
}
