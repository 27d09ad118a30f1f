import { consumeEvents } from 'jobledger';
import { quietKafka } from './kafka.mjs';
import { now } from './clock.mjs';

/** A process that reads a topic: what the driver may ask of it. It measures itself. */
export function createRole() {
  let database;
  let kafka;
  let consumer;
  let lags = [];
  return {
    open(url, options) {
      [database, kafka] = [url, options];
    },
    stop: () => consumer?.stop(),
    cpu: () => process.cpuUsage(),
    /** From the first event to the last, by kafkajs's own consumer of a group. */
    async readRaw(count) {
      const reader = quietKafka(kafka).consumer({ groupId: `raw-${process.pid}` });
      await reader.connect();
      await reader.subscribe({ topic: kafka.topic, fromBeginning: true });
      const { seen, done } = counter(count);
      await reader.run({
        autoCommit: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: async (payload) => {
          for (const message of payload.batch.messages) seen(message);
          payload.resolveOffset(payload.batch.lastOffset());
          await payload.heartbeat();
        },
      });
      const result = await done;
      await reader.disconnect();
      return result;
    },
    /** The same through ours: an event as its handler gets it, effect and position in Postgres. */
    async consume(count) {
      const { seen, done } = counter(count);
      consumer = await open(seen);
      await consumer.start();
      return done;
    },
    async follow() {
      const note = ({ recordedAt }) => void lags.push(Date.now() - Date.parse(recordedAt));
      consumer = await open(note, 'end');
      await consumer.start();
    },
    forget() {
      lags = [];
    },
    lags: () => lags,
  };

  function open(handler, from = 'start') {
    const group = `bench-${process.pid}`;
    return consumeEvents({ group, handler, from, database, kafka, migrate: true });
  }
}

function counter(count) {
  let began;
  let left = count;
  let end;
  const done = new Promise((resolve) => (end = resolve));
  const seen = () => {
    began ??= now();
    left -= 1;
    if (left > 0) return;
    const seconds = (now() - began) / 1_000;
    end({ events: count, seconds, rate: count / seconds });
  };
  return { seen, done };
}
