/*
 * A real Kafka broker for tests and for the demo, where Docker is not: fetched by Maven, run by
 * plain Java 17, on the loopback, one node. Promises: what was acknowledged survives a killed
 * process (not a killed machine), the address stays for the broker's life, and it ends with the
 * process that started it. Never for production: no copies, no access control.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LedgerError } from '../errors.js';
import { brokerProblem } from './broker-problem.js';
import { freePorts } from './free-ports.js';
import type { JavaServer } from './java-server.js';
import { fetchJars, KAFKA_CACHE, kafkaVersion } from './jars.js';
import { prepare, refuseInUse } from './prepare.js';
import { logFileOf, serve, type BrokerHome } from './serve.js';

export interface BrokerOptions {
  /** Where its data and its log stand; a temporary one, removed by `stop`, unless given. */
  readonly folder?: string;
  /** Is told in one line what takes long: the first fetch. */
  readonly log?: (line: string) => void;
  /** Where fetched jars are kept; the user's cache unless given. */
  readonly cacheFolder?: string;
  /** The port that clients are told to use: of a proxy on the loopback; its own unless given. */
  readonly advertisedPort?: number;
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
 * be loading: clients have to try again. Throws MISSING_PACKAGE if none can be started here, DATA_FOLDER if one
 * runs on that folder, INTERNAL if it did not come up.
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
  if (given !== undefined) await refuseInUse(given);
  const folder = given ?? (await mkdtemp(join(tmpdir(), 'jobledger-kafka-')));
  const home = { folder, classpath };
  const remove = async (): Promise<void> => {
    if (given === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    return brokerOf(await startAnywhere(home, options.advertisedPort), home, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Started {
  readonly port: number;
  readonly server: JavaServer;
}

function brokerOf(
  { port, server: first }: Started,
  home: BrokerHome,
  remove: () => Promise<void>,
): Broker {
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
      if (!server.running()) server = await serve(home);
    },
    stop: async () => {
      await server.end('SIGTERM');
      await remove();
    },
  };
}

/** Between the choice of a port and its use another process may take it. */
async function startAnywhere(home: BrokerHome, advertised?: number): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    const [port, controllerPort] = await freePorts();
    await prepare(home, { port, controllerPort, advertisedPort: advertised ?? port });
    try {
      return { port, server: await serve(home) };
    } catch (error) {
      const taken = error instanceof Error && /Address already in use/.test(error.message);
      if (!taken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

const START_ATTEMPTS = 3;
