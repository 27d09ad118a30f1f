import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hasJars, KAFKA_CACHE } from './jars.js';

/** Programs that a broker needs, by other names for the tests. */
export interface BrokerPrograms {
  readonly java?: string;
  readonly mvn?: string;
  readonly cacheFolder?: string;
}

/**
 * Why no broker can be started on this machine, in one line; undefined if one can. Maven is needed
 * only until Kafka has been fetched once.
 */
export async function brokerProblem(programs: BrokerPrograms = {}): Promise<string | undefined> {
  const { java = 'java', mvn = 'mvn', cacheFolder = KAFKA_CACHE } = programs;
  if (process.platform === 'win32') return 'expected Linux or macOS to start a Kafka broker on';
  const major = await javaMajor(java);
  if (major === undefined) return `java: expected version ${OLDEST_JAVA} or later, found none`;
  if (major < OLDEST_JAVA) {
    return `java: expected version ${OLDEST_JAVA} or later, found ${major}`;
  }
  if (hasJars(cacheFolder)) return undefined;
  const found = await run(mvn, ['--version']).catch(() => undefined);
  return found === undefined ? 'mvn: expected Maven to fetch Kafka with, found none' : undefined;
}

const run = promisify(execFile);
const OLDEST_JAVA = 17;

/** Java tells its version on stderr; before 9 it called itself 1.8. */
async function javaMajor(java: string): Promise<number | undefined> {
  const told = await run(java, ['-version']).catch(() => undefined);
  const version = /version "(?:1\.)?(\d+)/.exec(told?.stderr ?? '')?.[1];
  return version === undefined ? undefined : Number(version);
}
