import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from '../../src/kafka-broker/free-ports.js';
import { eventually } from './eventually.js';
import type { TestBroker } from './kafka-broker.js';

const run = promisify(execFile);
const COMPOSE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));

/** Why no container can be started here, in one line; undefined if one can. */
export async function dockerProblem(): Promise<string | undefined> {
  const found = await run('docker', ['info', '--format', '{{.ServerVersion}}'], {
    timeout: 10_000,
  }).catch(() => undefined);
  return found === undefined ? 'docker: expected an engine that answers, found none' : undefined;
}

/** Kafka's image in `docker-compose.yml`, so that there is one version to care for. */
export async function kafkaImage(): Promise<string> {
  const text = await readFile(COMPOSE, 'utf8');
  return /image: (apache\/kafka:\S+)/.exec(text)?.[1] ?? 'no image of Kafka';
}

/** Starts a container whose only listener for clients is a free port of the loopback. */
export async function startDockerBroker(): Promise<TestBroker> {
  const image = await kafkaImage();
  const [port] = await freePorts();
  const settings = Object.entries(settingsOf(port)).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ]);
  const { stdout } = await run('docker', [
    ...['run', '--detach', '--publish', `127.0.0.1:${port}:${port}`],
    ...settings,
    image,
  ]);
  const id = stdout.trim();
  const docker = async (...args: string[]): Promise<void> => void (await run('docker', args));
  const started = (since: string): Promise<unknown> =>
    eventually(async () => (await logsSince(id, since)).includes('Kafka Server started'), {
      timeoutMs: 60_000,
      everyMs: 200,
    });
  const stop = (): Promise<void> => docker('rm', '--force', '--volumes', id);
  await started('0').catch((error: unknown) => stop().then(() => Promise.reject(error)));
  return {
    brokers: `127.0.0.1:${port}`,
    version: image.split(':')[1] ?? 'unknown',
    how: `started by Docker from ${image}`,
    classpath: '',
    kill: () => docker('kill', '--signal', 'SIGKILL', id),
    start: async () => {
      const since = new Date().toISOString();
      await docker('start', id);
      await started(since);
    },
    stop,
  };
}

async function logsSince(id: string, since: string): Promise<string> {
  const { stdout } = await run('docker', ['logs', '--since', since, id], {
    maxBuffer: 64 * 1024 ** 2,
  });
  return stdout;
}

/** The image takes Kafka's settings by these names, and with any of them none of its defaults. */
function settingsOf(port: number): Readonly<Record<string, string>> {
  return {
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_NODE_ID: '1',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_BROKER_SESSION_TIMEOUT_MS: '1000',
    KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '200',
    KAFKA_HEAP_OPTS: '-Xmx512m -XX:+UseSerialGC',
  };
}
