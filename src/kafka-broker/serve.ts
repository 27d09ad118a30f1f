import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from '../errors.js';
import { startJava, type JavaServer } from './java-server.js';
import { STARTED } from './settings.js';

/** A prepared folder, and the jars to run on it. */
export interface BrokerHome {
  readonly folder: string;
  readonly classpath: string;
}

/** Runs the broker of a prepared folder and waits until it serves; INTERNAL with its fault if not. */
export async function serve(home: BrokerHome): Promise<JavaServer> {
  const logFile = logFileOf(home.folder);
  const from = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  const args = ['kafka.Kafka', join(home.folder, 'server.properties')];
  const server = await startJava([...javaOptions(home), ...args], logFile);
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const running = server.running(); // before its log is read: what it said last is then seen
    const said = (await readFile(logFile)).subarray(from).toString();
    if (said.includes(STARTED)) return server;
    if (!running || performance.now() > deadline) {
      await server.end('SIGKILL');
      throw new LedgerError('INTERNAL', `the Kafka broker did not start: ${faultIn(said)}`);
    }
    await pause(POLL_MS);
  }
}

/** Kafka's own log, of what went wrong. */
export function logFileOf(folder: string): string {
  return join(folder, 'kafka.log');
}

/** What every Java program of a broker's folder is run with. */
export function javaOptions({ folder, classpath }: BrokerHome): readonly string[] {
  const log = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`;
  return ['-Xmx512m', '-XX:+UseSerialGC', QUICK, log, '-cp', classpath];
}

/** A third less processor time until it serves; afterwards it costs a broker of this size nothing. */
const QUICK = '-XX:TieredStopAtLevel=1';
/** A machine that is busy with tests takes ten times as long as an idle one. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 25;

/** The first error, with the cause that follows it: later ones are its consequences. */
function faultIn(said: string): string {
  const lines = said.split('\n');
  const first = lines.findIndex((line) => / (ERROR|FATAL) |^Error|Exception/.test(line));
  const cause = lines.slice(Math.max(first, 0)).find((line) => line.startsWith('Caused by: '));
  return [lines[Math.max(first, 0)], cause].join(' ').trim() || 'it said nothing';
}
