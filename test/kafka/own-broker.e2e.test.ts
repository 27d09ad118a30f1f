import { createConnection } from 'node:net';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { fetchJars } from '../../src/kafka-broker/jars.js';
import { startBroker } from '../../src/kafka-broker/start-broker.js';
import { eventually } from '../support/eventually.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';
import { kafkaClient, ownName, refuse } from '../support/kafka.js';
import { startChild } from '../support/processes.js';
import { makeTopic, topicsOf } from './messages.js';

test('a broker ends with the process that started it, also if that is killed', async (context) => {
  await needJava(context);
  const folder = removeAfterFile(await temporaryFolder());
  const child = startChild('kafka-broker.mjs', { args: [folder] });
  const port = Number((await child.waitForLine('serving')).split(' ')[1]);
  expect(await listens(port)).toBe(true);
  await child.kill('SIGKILL');
  await eventually(async () => !(await listens(port)));
});

test('a broker that is stopped leaves no process and no temporary folder', async (context) => {
  await needJava(context);
  const broker = await startBroker();
  await broker.stop();
  expect(await listens(broker.port)).toBe(false);
  await expect(stat(broker.logFile)).rejects.toThrow('ENOENT');
  await broker.stop();
});

test('a folder on which a broker runs is refused, and one of which it was stopped keeps its data', async (context) => {
  await needJava(context);
  const folder = removeAfterFile(await temporaryFolder());
  const first = await startBroker({ folder });
  const topic = ownName('kept');
  await makeTopic(kafkaClient([first.brokers]), topic);
  await expect(startBroker({ folder })).rejects.toThrow(
    /expected a folder without a broker, found/,
  );
  await first.stop();
  const second = await startBroker({ folder });
  onTestFinished(() => second.stop());
  expect(await topicsOf(second.brokers)).toContain(topic);
});

test('two that fetch Kafka at once get the same jars, after which Maven is not needed', async (context) => {
  const cacheFolder = removeAfterFile(await temporaryFolder());
  await needJava(context, cacheFolder);
  const both = await Promise.all([fetchJars(cacheFolder), fetchJars(cacheFolder)]);
  expect(new Set(both).size).toBe(1);
  expect((await readdir(both[0])).length).toBeGreaterThan(30);
  expect((await readdir(cacheFolder)).map((name) => join(cacheFolder, name))).toEqual([both[0]]);
  expect(await brokerProblem({ cacheFolder, mvn: join('no', 'such', 'program') })).toBeUndefined();
});

async function needJava(context: TestContext, cacheFolder?: string): Promise<void> {
  const problem = await brokerProblem({ cacheFolder });
  if (problem !== undefined) refuse(context, problem);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
