import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What a foreign client printed of one partition. */
export type ConsoleLine = readonly [headers: string, key: string, value: string];

/** The first records of a partition, as Kafka's own console consumer prints them. */
export async function consoleConsume(
  { brokers, classpath }: { readonly brokers: string; readonly classpath: string },
  topic: string,
  { partition, count }: { readonly partition: number; readonly count: number },
): Promise<readonly ConsoleLine[]> {
  const properties = ['print.headers', 'print.key'].flatMap((name) => [
    '--formatter-property',
    `${name}=true`,
  ]);
  const { stdout } = await promisify(execFile)('java', [
    ...['-cp', classpath, 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
    ...['--bootstrap-server', brokers, '--topic', topic, '--partition', String(partition)],
    ...['--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000'],
    ...['--isolation-level', 'read_committed', ...properties],
    ...['--formatter-property', 'headers.separator=|'],
  ]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.split('\t') as unknown as ConsoleLine);
}
