import type { ConsumerOptions, EventConsumer } from './api-consumer.js';
import { ledgerSettings } from './config.js';
import { backFillFrom } from './consumer/back-fill.js';
import { Consumer } from './consumer/consumer.js';
import type { Group } from './consumer/group.js';
import { migrateConsumers } from './consumer/migrate.js';
import { checkConsumerOptions } from './consumer/options.js';
import { KafkaSource } from './consumer/kafka-source.js';
import { PostgresSource } from './consumer/postgres-source.js';
import type { Source } from './consumer/source.js';
import { CONSUMER_SCHEMA } from './consumer/tables.js';
import type { Log } from './job/define.js';
import { connectKafka } from './kafka/kafkajs/connect.js';
import { kafkaSettings } from './kafka/settings.js';
import { checkServer, openStore } from './ledger/open-store.js';
import type { Store } from './ledger/store.js';
import { logOf } from './log.js';
import { connect } from './open-database.js';
import { openGroup, type Leaving } from './open-group.js';
import { asStoreError } from './sql-errors.js';

/**
 * Reads a ledger's events in a service of your own, from Kafka or from the ledger's Postgres: each
 * event of a partition in order, its effect once if the handler writes through `transaction`. Members
 * of one group share the partitions. Throws LedgerError: `BAD_CONFIG`, `BAD_DATABASE_URL`,
 * `NOT_MIGRATED`, `BAD_SERVER`, `STORE_UNREACHABLE`, in one line; nothing is left open then.
 *
 * @example
 * await using consumer = await consumeEvents({
 *   group: 'billing',
 *   database: 'postgres://localhost/billing',
 *   kafka: { brokers: ['kafka-1:9092'] },
 *   types: ['AttemptSucceeded'],
 *   handler: async (event, { transaction }) => {
 *     await transaction.query('insert into done(job_id) values ($1)', [event.streamId]);
 *   },
 * });
 * await consumer.start();
 */
export async function consumeEvents(options: ConsumerOptions): Promise<EventConsumer> {
  checkConsumerOptions(options);
  const leaving: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const leave of leaving.splice(0).toReversed()) await leave();
  };
  try {
    const log = await logOf(options.logger);
    const group = await openGroup(options, log, leaving);
    const ledger = await openLedgerOf(options, log, leaving);
    const source = sourceOf(options, group, ledger);
    const from = options.from ?? 'start';
    return new Consumer({ group, source, from, backFill: backFillFrom(ledger), close });
  } catch (error) {
    await close();
    throw asStoreError(error);
  }
}

/** Makes or updates the tables of consumers in a database. Gives the names of the steps taken. */
export async function migrateConsumerTables(
  options: Pick<ConsumerOptions, 'database' | 'schema'>,
): Promise<readonly string[]> {
  const settings = ledgerSettings({ database: options.database });
  const { database, leave } = await connect(settings);
  try {
    await checkServer(database);
    return await migrateConsumers(database.pool, options.schema ?? CONSUMER_SCHEMA);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await leave();
  }
}

function sourceOf(
  { source, kafka }: ConsumerOptions,
  group: Group,
  ledger: Store | undefined,
): Source {
  if (kafka === undefined || source === 'postgres') return new PostgresSource(ledger!, group);
  const settings = kafkaSettings(kafka);
  const connectLine = async () => {
    const client = await connectKafka(settings, group.log);
    return { client, reader: client.reader(settings.topic), topic: settings.topic };
  };
  return new KafkaSource(group, connectLine, ledger?.ledgerId);
}

async function openLedgerOf(
  { ledger, ledgerSchema }: ConsumerOptions,
  log: Log,
  leaving: Leaving,
): Promise<Store | undefined> {
  if (ledger === undefined) return undefined;
  const settings = ledgerSettings({ database: ledger, schema: ledgerSchema });
  const { database, leave } = await connect(settings);
  leaving.push(leave);
  return openStore(database, { schema: settings.schema, log, clockShiftMs: () => 0 });
}
