// The suite of the topic: the ledger's own, with a broker behind a proxy, relays that publish to it, and
// consumers that read from it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  drain,
  leftAfter,
  openProducer,
  openWorker,
  ordersOf,
  setLedger,
} from '../ledger-suite.mjs';
import { load } from '../program.mjs';
import { judge } from '../verdict.mjs';
import { FAULTS } from './faults.mjs';
import { startKafkaProxy } from './proxy.mjs';
import { consumersLeft, effectChecks } from './effects.mjs';
import { relaysLeft, topicChecks } from './verdict.mjs';

export const TOPIC = 'chaos.events';
const CONSUMERS = ['consumer-1', 'consumer-2'];
const RELAYS = ['relay-1', 'relay-2', 'relay-3'];
/** Short, so that a take-over fits into every fault. */
const LEASE_MS = 2_500;
const MAX_CONNECTIONS = 100;
/** A consumer that is joining stops when it has joined: it waits for members that were killed meanwhile. */
const JOIN_MS = 60_000;

export const kafkaSuite = {
  faults: FAULTS,
  set: async (scene) => {
    await setLedger(scene, MAX_CONNECTIONS);
    await setBroker(scene);
    await setConsumers(scene);
    await Promise.all([
      ...['worker-1', 'worker-2'].map((name) => openWorker(scene, name)),
      ...['producer-1', 'producer-2'].map((name) => openProducer(scene, name)),
      ...RELAYS.map((name) => openRelay(scene, name)),
      ...CONSUMERS.map((name) => openConsumer(scene, name)),
    ]);
  },
  drain: async (scene) => {
    await scene.broker.start();
    return [
      ...(await drain(scene)),
      ...(await leftAfter(() => relaysLeft(scene))),
      ...(await leftAfter(() => consumersLeft(scene))),
    ];
  },
  judge: (scene, facts) =>
    judge(scene, facts, async () => [
      ...(await topicChecks(scene)),
      ...(await effectChecks(scene, facts.records)),
    ]),
};

/** A broker that tells its clients to come by way of the proxy. */
export async function setBroker(scene) {
  const { startBroker } = await load(scene.program, 'kafka-broker/start-broker.js');
  const kafkaProxy = await startKafkaProxy(() => scene.broker.port);
  scene.ends.unshift(kafkaProxy.close);
  const folder = join(scene.folder, 'broker');
  mkdirSync(folder);
  const broker = await startBroker({ folder, advertisedPort: kafkaProxy.port });
  scene.ends.push(broker.kill);
  Object.assign(scene, { broker, kafkaProxy, topic: TOPIC });
}

export function openRelay(scene, name) {
  const kafka = { brokers: [scene.kafkaProxy.brokers], topic: scene.topic };
  return scene.crew.open(name, 'relay.mjs', {
    ...ordersOf(scene, name),
    ledger: { maxConnections: 5 },
    relay: { kafka, leaseMs: LEASE_MS },
  });
}

/** Consumers keep their positions beside the ledger, and their effects beside the callers' rows. */
async function setConsumers({ ask, postgres, program }) {
  const { migrateConsumerTables } = await load(program, 'index.js');
  await migrateConsumerTables({ database: postgres.url });
  await ask('create table shop.effects(id bigserial, partition int, position bigint)');
}

function openConsumer(scene, name) {
  const kafka = { brokers: [scene.kafkaProxy.brokers], topic: scene.topic };
  // A server that is away fails a handler too: more tries than a run can take.
  const consumer = { group: 'chaos', kafka, concurrency: 4, maxAttempts: 1_000 };
  const orders = { ...ordersOf(scene, name), consumer };
  return scene.crew.open(name, 'consumer.mjs', orders, { stubbornMs: JOIN_MS });
}
