import { startBroker } from '../../dist/kafka-broker/start-broker.js';
import { drain, fill } from '../lib/drain.mjs';
import { onExit } from '../lib/exit.mjs';
import { percentile } from '../lib/numbers.mjs';

const RATE = 1_000;

/** The ledger on its way to Kafka and back. Only ours has one. */
export const part = {
  name: 'kafka',
  title: 'Kafka: publishing, reading, and what it costs the workers',
  enters: ({ name }) => name === 'jobledger',
  prompt: true,
  rows: [
    { key: 'raw', title: 'events/s sent by kafkajs, the same bytes' },
    { key: 'relay', title: 'events/s published by a relay' },
    { key: 'relayToRaw', title: 'relay ÷ kafkajs', digits: 2 },
    { key: 'rawRead', title: 'events/s read by kafkajs in a group' },
    { key: 'replay', title: 'events/s through a consumer, effect and position in Postgres' },
    { key: 'replayToRaw', title: 'consumer ÷ kafkajs', digits: 2 },
    { key: 'p50', title: '1,000 jobs/s: from commit to consumer, p50 ms', digits: 1 },
    { key: 'p99', title: '1,000 jobs/s: from commit to consumer, p99 ms', digits: 1 },
    { key: 'drainAlone', title: 'jobs/s of a worker, no relay' },
    { key: 'drainBeside', title: 'jobs/s of a worker, a relay beside it' },
    { key: 'besideToAlone', title: 'beside ÷ alone', digits: 2 },
  ],

  async run(stage) {
    const broker = await startBroker();
    const forget = onExit(() => broker.stop());
    try {
      const drains = await drainBoth(stage, broker, stage.count(100_000, 250));
      const read = await publishAndRead(stage, broker);
      return { ...read, ...(await lags(stage, broker)), ...drains };
    } finally {
      await broker.stop();
      forget();
    }
  },
};

async function publishAndRead(stage, broker) {
  const count = stage.count(250_000, 250);
  await fill(stage, { count });
  await drain(stage, { count });
  await stage.settle();
  // Each by a fresh process, on a topic of its own, twice, in turn.
  const raws = [];
  const relays = [];
  for (const turn of [1, 2]) {
    raws.push(await inProcess(stage, 'relay', broker, `raw-${turn}`, 'sendRaw'));
    relays.push(await inProcess(stage, 'relay', broker, `relay-${turn}`, 'catchUp'));
  }
  const events = relays[0].events;
  const reads = [];
  const replays = [];
  for (const turn of [1, 2]) {
    const topic = `relay-${turn}`;
    reads.push(await inProcess(stage, 'reader', broker, topic, 'readRaw', events));
    replays.push(await inProcess(stage, 'reader', broker, topic, 'consume', events));
  }
  const [raw, relay, rawRead, replay] = [raws, relays, reads, replays].map(meanRate);
  const ratios = { relayToRaw: relay / raw, replayToRaw: replay / rawRead };
  return { raw, relay, rawRead, replay, ...ratios };
}

function meanRate(runs) {
  return runs.reduce((sum, { rate }) => sum + rate, 0) / runs.length;
}

async function inProcess(stage, role, broker, topic, method, ...args) {
  const remote = await stage.process(role, { brokers: [broker.brokers], topic });
  const result = await remote.call(method, ...args);
  await remote.end();
  return result;
}

/** An even load with everything running: producer, worker, relay, consumer. */
async function lags(stage, broker) {
  const kafka = { brokers: [broker.brokers], topic: 'lags' };
  const relay = await stage.process('relay', kafka);
  await relay.call('catchUp');
  await relay.call('follow');
  const reader = await stage.process('reader', kafka);
  await reader.call('follow');
  const worker = await stage.worker();
  const producer = await stage.producer({ callers: 16 });
  await worker.call('start', ...stage.work());
  await producer.call('paced', { rate: RATE, seconds: stage.scaled(5, 1) });
  await reader.call('forget');
  await producer.call('paced', { rate: RATE, seconds: stage.scaled(30, 2) });
  const found = await reader.call('lags');
  for (const one of [producer, worker, reader, relay]) await one.end();
  return { p50: percentile(found, 0.5), p99: percentile(found, 0.99) };
}

/** The same drain without and with somebody who publishes. */
async function drainBoth(stage, broker, count) {
  await fill(stage, { count });
  const alone = await drain(stage, { count });
  const relay = await stage.process('relay', { brokers: [broker.brokers], topic: 'beside' });
  await relay.call('catchUp');
  await relay.call('follow');
  await fill(stage, { count });
  await relay.call('caughtUp');
  const beside = await drain(stage, { count });
  await relay.end();
  const [drainAlone, drainBeside] = [alone.rate, beside.rate];
  return { drainAlone, drainBeside, besideToAlone: drainBeside / drainAlone };
}
