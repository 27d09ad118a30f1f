import { constants, setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { openLedger } from 'jobledger';
import pg from 'pg';
import { toRecord } from '../../dist/kafka/record.js';
import { quietKafka } from './kafka.mjs';
import { now } from './clock.mjs';

/** As many records as a relay sends at a time. */
const BATCH = 1_500;

/** The relay process: what the driver may ask of it. It measures itself. */
export function createRole() {
  let ledger;
  let relay;
  let kafka;
  let database;
  return {
    async open(url, options) {
      [database, kafka] = [url, options];
      ledger = await openLedger({ database });
      relay = ledger.relay({ kafka });
    },
    stop: () => ledger.close(),
    cpu: () => process.cpuUsage(),
    catchUp: () => measured(() => relay.catchUp()),
    async follow() {
      // As `jobledger relay` does: workers on the same machine go first.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      await relay.start();
    },
    async caughtUp() {
      const behind = async () =>
        (await ledger.publications()).find(({ topic }) => topic === kafka.topic).lagEvents;
      while ((await behind()) > 0) await pause(50);
    },
    /** The same records by kafkajs's producer, all of them in memory before the clock runs. */
    async sendRaw() {
      const batches = await readBatches(database, ledger.ledgerId);
      const client = quietKafka(kafka);
      await createTopic(client, kafka.topic, batches.length);
      const producers = await Promise.all(
        batches.map(async () => {
          const createPartitioner = () => (asked) => asked.message.partition;
          const producer = client.producer({ createPartitioner });
          await producer.connect();
          return producer;
        }),
      );
      const result = await measured(async () => {
        await Promise.all(
          producers.map(async (producer, partition) => {
            for (const messages of batches[partition])
              await producer.send({ topic: kafka.topic, messages, acks: -1 });
          }),
        );
        return batches.flat(2).length;
      });
      await Promise.all(producers.map((producer) => producer.disconnect()));
      return result;
    },
  };
}

async function measured(work) {
  const began = now();
  const events = await work();
  const seconds = (now() - began) / 1_000;
  return { events, seconds, rate: events / seconds };
}

async function createTopic(client, topic, numPartitions) {
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] });
  await admin.disconnect();
}

/** By partition, in batches. */
async function readBatches(database, ledgerId) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(`select partition, position::int, stream_id as "streamId",
      version, type, schema_version as "schemaVersion", kind, queue, data::text, meta::text,
      to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "recordedAt"
    from jobledger.events order by partition, position`);
  await client.end();
  const partitions = [];
  for (const row of rows) {
    const batches = (partitions[row.partition] ??= [[]]);
    if (batches.at(-1).length === BATCH) batches.push([]);
    const { timestampMs, ...record } = toRecord(row, { ledgerId, epoch: 1 });
    const { partition } = row;
    batches.at(-1).push({ ...record, timestamp: String(timestampMs), partition });
  }
  return partitions;
}
