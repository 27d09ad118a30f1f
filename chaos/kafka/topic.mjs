// The topic as Kafka's own client reads it, committed records only, by the console consumer: nothing
// of the relay, and not its client library either, is believed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** No text of a run has them. Kafka trims its arguments, so that lower characters would be lost. */
const [BETWEEN, BETWEEN_HEADERS, END] = ['\x7f1', '\x7f2', '\x7f3'];
/** How long nothing comes before there is no more: when all has come that should, and before. */
const SILENCE_MS = 3_000;
const PATIENCE_MS = 45_000;

/** All committed records of a topic, each partition's in order; it should have `expected`, and may not. */
export async function readTopic({ classpath, brokers, topic, expected }) {
  const printed = ['partition', 'offset', 'headers', 'key'].map((part) => `print.${part}=true`);
  const separators = [
    `key.separator=${BETWEEN}`,
    `headers.separator=${BETWEEN_HEADERS}`,
    `line.separator=${END}`,
  ];
  const text = await outputOf(
    'java',
    [
      // What it logs would stand between the records.
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=OFF'],
      ...['-cp', classpath, 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
      ...['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'],
      ...['--command-property', 'isolation.level=read_committed'],
      ...[...printed, ...separators].flatMap((one) => ['--formatter-property', one]),
    ],
    expected,
  );
  const lines = text.split(END);
  if (lines.pop() !== '') throw new Error('the console consumer broke off in mid-record');
  return lines.map(toRecord);
}

function toRecord(line) {
  const [partition, offset, headers, key, value, ...more] = line.split(BETWEEN);
  if (value === undefined || more.length > 0) throw new Error(`no record: ${line}`);
  return {
    partition: Number(partition.replace('Partition:', '')),
    offset: Number(offset.replace('Offset:', '')),
    headers: new Map(headers.split(BETWEEN_HEADERS).map(cut)),
    key,
    value,
  };
}

function cut(header) {
  const at = header.indexOf(':');
  return [header.slice(0, at), header.slice(at + 1)];
}

/** What a command prints until it has been silent for long enough; it would go on for ever. */
async function outputOf(command, args, expected) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [chunks, complaints] = [[], []];
  let [last, ordered] = [performance.now(), false];
  const text = () => Buffer.concat(chunks).toString();
  child.stderr.on('data', (chunk) => complaints.push(chunk));
  child.stdout.on('data', (chunk) => (chunks.push(chunk), (last = performance.now())));
  const watch = setInterval(() => {
    const silence = performance.now() - last;
    const whole = silence > SILENCE_MS && text().split(END).length > expected;
    if (whole || silence > PATIENCE_MS) ordered ||= child.kill('SIGTERM');
  }, 1_000);
  await once(child, 'close');
  clearInterval(watch);
  if (!ordered)
    throw new Error(`the console consumer failed: ${Buffer.concat(complaints).toString()}`);
  return text();
}
