import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';

/** Where the fetched brokers are kept unless said otherwise: one folder for all runs of a user. */
export const KAFKA_CACHE = join(homedir(), '.cache', 'jobledger');

/** The version of Kafka that is fetched. */
export function kafkaVersion(): string {
  return /<kafka\.version>([^<]+)</.exec(readFileSync(POM, 'utf8'))?.[1] ?? 'unknown';
}

/** True if the jars are there, so that Maven and a network are not needed. */
export function hasJars(cacheFolder: string): boolean {
  return existsSync(jarFolder(cacheFolder));
}

/**
 * The folder of the broker's jars, fetched by Maven if need be (about 44 MB). They are fetched
 * beside their final name and renamed, so that two fetching at once, or one that is killed, leave
 * nothing half done.
 */
export async function fetchJars(
  cacheFolder: string,
  log: (line: string) => void = () => undefined,
): Promise<string> {
  const target = jarFolder(cacheFolder);
  if (existsSync(target)) return target;
  log(`fetching Kafka ${kafkaVersion()} with Maven, once, into ${target}`);
  await mkdir(cacheFolder, { recursive: true });
  const draft = await mkdtemp(join(cacheFolder, 'fetch-'));
  try {
    await copyFile(POM, join(draft, 'pom.xml'));
    await copyJars(draft);
    await rename(join(draft, 'lib'), target).catch((error: unknown) => {
      if (!existsSync(target)) throw error; // else another fetched it meanwhile
    });
    return target;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const run = promisify(execFile);
/** The same from src/ and from dist/. */
const POM = fileURLToPath(new URL('../../scripts/kafka/pom.xml', import.meta.url));
const FETCH_TIMEOUT_MS = 300_000;

/** Named by its list too: a changed pom.xml never meets the jars of the old one. */
function jarFolder(cacheFolder: string): string {
  const digest = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 8);
  return join(cacheFolder, `kafka-${kafkaVersion()}-${digest}`);
}

async function copyJars(draft: string): Promise<void> {
  const goal = ['-B', '-q', 'dependency:copy-dependencies'];
  const options = ['-DincludeScope=runtime', `-DoutputDirectory=${join(draft, 'lib')}`];
  try {
    await run('mvn', [...goal, ...options], { cwd: draft, timeout: FETCH_TIMEOUT_MS });
  } catch (cause) {
    const output = cause instanceof Error && 'stdout' in cause ? String(cause.stdout) : '';
    const why = /^\[ERROR\] (.+)$/m.exec(output)?.[1] ?? String(cause);
    throw new LedgerError('MISSING_PACKAGE', `Kafka could not be fetched with Maven: ${why}`, {
      cause,
    });
  }
}
