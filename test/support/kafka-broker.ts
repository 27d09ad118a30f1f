import { brokerProblem } from '../../src/kafka-broker/broker-problem.js';
import { startBroker } from '../../src/kafka-broker/start-broker.js';
import { dockerProblem, startDockerBroker } from './docker-kafka.js';

/** A broker of a test's own, to be treated badly. Its address stays the same for its life. */
export interface TestBroker {
  readonly brokers: string;
  /** Of Kafka. */
  readonly version: string;
  /** How it runs, for the output of the tests. */
  readonly how: string;
  /** For `java -cp`: Kafka's tools; empty where the broker is not of Java here. */
  readonly classpath: string;
  /** As a crash: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same address and data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Starts one by Docker if an engine answers, else by Java and Maven; else gives the reason. */
export async function startAnyBroker(): Promise<TestBroker | string> {
  const noDocker = await dockerProblem();
  if (noDocker === undefined) return startDockerBroker();
  const noJava = await brokerProblem();
  if (noJava !== undefined) return `${noDocker}; ${noJava}`;
  const broker = await startBroker({ log: console.log });
  return Object.assign(broker, { how: 'started by Java' });
}
