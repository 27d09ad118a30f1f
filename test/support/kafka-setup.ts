import kafkajs from 'kafkajs/package.json' with { type: 'json' };
import type { TestProject } from 'vitest/node';
import { startAnyBroker, type TestBroker } from './kafka-broker.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The broker that all test files share; empty without one. */
    readonly kafkaBrokers: string;
    /** Why there is none. */
    readonly kafkaProblem: string;
  }
}

/**
 * One broker for the whole run: the one of `KAFKA_BROKERS`, or one by Docker, or one by Java and
 * Maven. Without any the files that need one are skipped, and fail where `CI` is set.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['KAFKA_BROKERS'] ?? '';
  const own = given === '' ? await startIfWanted(project) : undefined;
  const problem = typeof own === 'string' ? own : '';
  project.provide('kafkaBrokers', isBroker(own) ? own.brokers : given);
  project.provide('kafkaProblem', problem);
  console.log(problem === '' ? describe(given, own) : `NOT TESTED: test/kafka (${problem})`);
  return async () => {
    if (isBroker(own)) await own.stop();
  };
}

/** Most runs of single files are about something else. */
async function startIfWanted(project: TestProject): Promise<TestBroker | string> {
  const { filenamePattern } = project.vitest as { filenamePattern?: string[] };
  const { testFiles } = await project.globTestFiles(filenamePattern);
  const wanted = testFiles.some((path) => path.replaceAll('\\', '/').includes('/test/kafka/'));
  return wanted ? startAnyBroker() : 'the run is of other files';
}

function isBroker(own: TestBroker | string | undefined): own is TestBroker {
  return typeof own === 'object';
}

function describe(given: string, own: TestBroker | string | undefined): string {
  const broker = isBroker(own) ? `${own.version}, ${own.how}` : `of KAFKA_BROKERS, ${given}`;
  return `Node ${process.versions.node}, kafkajs ${kafkajs.version}, Kafka ${broker}`;
}
