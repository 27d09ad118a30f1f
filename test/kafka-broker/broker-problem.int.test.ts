import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';

const NONE = join('no', 'such', 'program');

test('a machine without Java is told which version is needed', async () => {
  expect(await brokerProblem({ java: NONE })).toBe(
    'java: expected version 17 or later, found none',
  );
});

test.each([
  ['1.8.0_402', 'java: expected version 17 or later, found 8'],
  ['11.0.22', 'java: expected version 17 or later, found 11'],
])('a machine with Java %s is told that it is too old', async (version, expected) => {
  const { java, cacheFolder } = await machine(version);
  expect(await brokerProblem({ java, cacheFolder })).toBe(expected);
});

test('a machine without Maven is told what it is needed for', async () => {
  const { java, cacheFolder } = await machine('17.0.15');
  expect(await brokerProblem({ java, mvn: NONE, cacheFolder })).toBe(
    'mvn: expected Maven to fetch Kafka with, found none',
  );
});

test('a machine with both is told nothing', async () => {
  const { java, cacheFolder } = await machine('21');
  expect(await brokerProblem({ java, mvn: java, cacheFolder })).toBeUndefined();
});

/** A program that calls itself Java of that version, and an empty cache. */
async function machine(version: string): Promise<{ java: string; cacheFolder: string }> {
  const cacheFolder = removeAfterFile(await temporaryFolder());
  const java = join(cacheFolder, 'java');
  await writeFile(java, `#!/bin/sh\necho 'openjdk version "${version}" 2025-04-15' >&2\n`);
  await chmod(java, 0o755);
  return { java, cacheFolder };
}
