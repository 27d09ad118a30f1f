/*
 * A real Kafka broker for tests and for the demo, where Docker is not: fetched by Maven, run by
 * plain Java 17, on the loopback, one node. Promises: what was acknowledged survives a killed
 * process (not a killed machine), the address stays for the broker's life, and it ends with the
 * process that started it. Never for production: no copies, no access control.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';
import { brokerProblem } from './broker-problem.js';
import { freePorts } from './free-ports.js';
import { startJava, type JavaServer } from './java-server.js';
import { fetchJars, KAFKA_CACHE, kafkaVersion } from './jars.js';
import { LOG_PROPERTIES, serverProperties, STARTED } from './settings.js';

export interface BrokerOptions {
  /** Where its data and its log stand; a temporary one, removed by `stop`, unless given. */
  readonly folder?: string;
  /** Is told in one line what takes long: the first fetch. */
  readonly log?: (line: string) => void;
  /** Where fetched jars are kept; the user's cache unless given. */
  readonly cacheFolder?: string;
}

/** A broker of one's own. */
export interface Broker {
  /** Its address as kafkajs takes it, `127.0.0.1:<port>`; the same after every start. */
  readonly brokers: string;
  readonly port: number;
  /** Of Kafka. */
  readonly version: string;
  readonly logFile: string;
  /** For `java -cp`: Kafka's tools, such as `org.apache.kafka.tools.consumer.ConsoleConsumer`. */
  readonly classpath: string;
  /** Of the running process. */
  readonly pid: number;
  /** As a crash: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, on the same address and data; harmless if it runs. */
  start(): Promise<void>;
  /** Ends it in order and removes a temporary folder. */
  stop(): Promise<void>;
}

/**
 * Starts a broker and resolves when it serves, after about six seconds; the first one ever fetches
 * Kafka before. For a moment after a start partitions may still have no leader, and coordinators may
 * be loading: clients have to try again. Throws MISSING_PACKAGE if none can be started here, INTERNAL if it did not come up.
 *
 * @example
 * const broker = await startBroker({ log: console.log });
 * const kafka = new Kafka({ brokers: [broker.brokers] });
 * await broker.stop();
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const cacheFolder = options.cacheFolder ?? KAFKA_CACHE;
  const problem = await brokerProblem({ cacheFolder });
  if (problem !== undefined) throw new LedgerError('MISSING_PACKAGE', problem);
  const classpath = join(await fetchJars(cacheFolder, options.log), '*');
  const given = options.folder === undefined ? undefined : resolve(options.folder);
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'jobledger-kafka-')));
  const remove = async (): Promise<void> => {
    if (given === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const started = await startAnywhere(folder, classpath);
    return brokerOf(started, { folder, classpath, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Started {
  readonly port: number;
  readonly server: JavaServer;
}

interface Home {
  readonly folder: string;
  readonly classpath: string;
  readonly remove: () => Promise<void>;
}

function brokerOf({ port, server: first }: Started, home: Home): Broker {
  let server = first;
  return {
    brokers: `127.0.0.1:${port}`,
    port,
    version: kafkaVersion(),
    logFile: logFileOf(home.folder),
    classpath: home.classpath,
    get pid() {
      return server.pid;
    },
    kill: () => server.end('SIGKILL'),
    start: async () => {
      if (!server.running()) server = await serve(home.folder, home.classpath);
    },
    stop: async () => {
      await server.end('SIGTERM');
      await home.remove();
    },
  };
}

/** Between the choice of a port and its use another process may take it. */
async function startAnywhere(folder: string, classpath: string): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    const [port, controllerPort] = await freePorts();
    await prepare(folder, classpath, { port, controllerPort });
    try {
      return { port, server: await serve(folder, classpath) };
    } catch (error) {
      const taken = error instanceof Error && /Address already in use/.test(error.message);
      if (!taken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function prepare(
  folder: string,
  classpath: string,
  ports: { readonly port: number; readonly controllerPort: number },
): Promise<void> {
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder, { recursive: true });
  await writeFile(join(folder, 'log4j2.properties'), LOG_PROPERTIES);
  await writeFile(join(folder, 'server.properties'), serverProperties({ ...ports, dataFolder }));
  if (existsSync(join(dataFolder, 'meta.properties'))) return;
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId()];
  await promisify(execFile)('java', [
    ...javaOptions(folder, classpath),
    ...args,
    ...['-c', join(folder, 'server.properties')],
  ]);
}

/** As Kafka makes them: 16 bytes in base64, and none that looks like an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}

async function serve(folder: string, classpath: string): Promise<JavaServer> {
  const logFile = logFileOf(folder);
  const from = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  const args = ['kafka.Kafka', join(folder, 'server.properties')];
  const server = await startJava([...javaOptions(folder, classpath), ...args], logFile);
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const said = (await readFile(logFile)).subarray(from).toString();
    if (said.includes(STARTED)) return server;
    if (!server.running() || performance.now() > deadline) {
      await server.end('SIGKILL');
      throw new LedgerError('INTERNAL', `the Kafka broker did not start: ${faultIn(said)}`);
    }
    await pause(POLL_MS);
  }
}

/** The first error, with the cause that follows it: later ones are its consequences. */
function faultIn(said: string): string {
  const lines = said.split('\n');
  const first = lines.findIndex((line) => / (ERROR|FATAL) |^Error|Exception/.test(line));
  const causes = lines.filter((line) => line.startsWith('Caused by: '));
  return [lines[Math.max(first, 0)], ...causes.slice(-1)].join(' ').trim() || 'it said nothing';
}

function javaOptions(folder: string, classpath: string): readonly string[] {
  const log = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`;
  return ['-Xmx512m', '-XX:+UseSerialGC', QUICK, log, '-cp', classpath];
}

function logFileOf(folder: string): string {
  return join(folder, 'kafka.log');
}

/** A third less processor time until it serves; afterwards it costs a broker of this size nothing. */
const QUICK = '-XX:TieredStopAtLevel=1';
const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
