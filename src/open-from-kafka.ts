import type {
  EpochOptions,
  FromKafkaOptions,
  LedgerMirror,
  MirrorOptions,
  NewEpoch,
  Restored,
  RestoreOptions,
} from './api-restore.js';
import type { Repair } from './api-repair.js';
import { ledgerSettings } from './config.js';
import { LedgerError } from './errors.js';
import { readEpoch } from './kafka/epochs.js';
import { newEpoch } from './kafka/epoch/new-epoch.js';
import { connectKafka } from './kafka/kafkajs/connect.js';
import { Mirror } from './kafka/mirror/mirror.js';
import { refuseDiverged } from './kafka/restore/fill.js';
import { restore } from './kafka/restore/restore.js';
import { badTopic, type Source } from './kafka/restore/source.js';
import { checkOwner, surveyTopic, type Survey } from './kafka/restore/survey.js';
import { kafkaSettings } from './kafka/settings.js';
import { readHeads } from './ledger/heads.js';
import { migrate } from './ledger/migrate.js';
import { adopt, suspend } from './ledger/mirror/become-mirror.js';
import { promote } from './ledger/mirror/promote.js';
import { named } from './ledger/check.js';
import { checkServer, openStore } from './ledger/open-store.js';
import { refuseWhileRunning } from './ledger/repair/stopped.js';
import type { Store } from './ledger/store.js';
import { logOf } from './log.js';
import { connect } from './open-database.js';
import { optionProblems } from './open-options.js';
import { asStoreError } from './sql-errors.js';

/**
 * Makes an empty database the ledger of which a topic holds the events: the events themselves, its id,
 * and the tables by which jobs go on. Writers have to be stopped. Broken off anywhere, the ledger is a
 * mirror, which no worker and no enqueue works on, and the same call goes on. Throws `LEDGER_NOT_EMPTY`,
 * `LEDGER_RUNNING`, `TOPIC_DIVERGED`, `BAD_TOPIC`, `OTHER_LEDGER` and what `openLedger` throws.
 *
 * @example
 * const kafka = { brokers: ['kafka-1:9092'] };
 * const { events } = await restoreLedger({ database: 'postgres://…/new', kafka });
 */
export async function restoreLedger(options: RestoreOptions): Promise<Restored> {
  const { tail = false, onProgress } = options;
  return withTopic(options, async (site) => {
    const store = await asMirror(site, tail);
    return restore(store, site.source, site.survey, onProgress);
  });
}

/**
 * Keeps a copy of a ledger in another database, following its topic: it can be looked at, also as of
 * earlier times, projected and verified like the ledger itself; nothing else writes to it. Takes what is
 * there with `start` or `catchUp`, from where it was. Throws what `restoreLedger` throws.
 *
 * @example
 * await using mirror = await mirrorLedger({ database: 'postgres://…/copy', kafka });
 * mirror.start();
 */
export async function mirrorLedger(options: MirrorOptions): Promise<LedgerMirror> {
  const { site, leave } = await openSite(options);
  try {
    const store = await asMirror(site, false);
    return new Mirror(store, site.source, site.survey, leave);
  } catch (error) {
    await leave();
    throw asStoreError(error);
  }
}

/**
 * Makes a mirror the primary, without its topic: its log is what it has by now. Stop the old primary
 * first. Throws `LEDGER_RUNNING`.
 */
export async function promoteMirror(options: Omit<FromKafkaOptions, 'kafka'>): Promise<Repair> {
  const settings = ledgerSettings(options, optionProblems(options));
  const { database, leave } = await connect(settings);
  try {
    await checkServer(database);
    const log = await logOf(options.logger);
    const { schema } = settings;
    const store = await openStore(database, { schema, log, clockShiftMs: () => 0 });
    return await promote(store, { actor: 'jobledger', reason: 'promoted' });
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await leave();
  }
}

/**
 * Begins a new epoch of a ledger that lost events and wrote others, and so has gone another way than its
 * topic: what only the topic has there is left behind, and consumers are told by the epoch. What the
 * ledger lost where it wrote nothing else is taken back. Writers have to be stopped. Throws
 * `NOT_DIVERGED`, `LEDGER_RUNNING`, and what `restoreLedger` throws.
 *
 * @example
 * await beginEpoch({ database, kafka, actor: 'ada', reason: 'failover lost 3 s' });
 */
export async function beginEpoch(options: EpochOptions): Promise<NewEpoch> {
  const actor = named('actor', options.actor);
  const reason = named('reason', options.reason);
  return withTopic(options, async ({ source, survey, open }) => {
    const store = await open();
    checkPartitions(source, survey, store);
    checkOwner(source, survey, store.ledgerId);
    await refuseWhileRunning(store, (text, values) => store.database.pool.query(text, values));
    return newEpoch(store, source, survey, { actor, reason });
  });
}

/** A database and the topic of which its ledger is made. */
interface Site {
  readonly source: Source;
  readonly survey: Survey;
  /** The ledger of the database, made if there was none. */
  readonly open: () => Promise<Store>;
}

async function withTopic<T>(
  options: FromKafkaOptions,
  use: (site: Site) => Promise<T>,
): Promise<T> {
  const { site, leave } = await openSite(options);
  try {
    return await use(site);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await leave();
  }
}

/** Connects to both; what fails leaves nothing open. */
async function openSite(options: FromKafkaOptions) {
  const { kafka, database: where, schema, pooler, logger } = options;
  const given = { database: where, schema, pooler, logger };
  const settings = ledgerSettings(given, optionProblems(given));
  const { topic, ...brokers } = kafkaSettings(kafka);
  const log = await logOf(logger);
  const client = await connectKafka({ ...brokers, topic }, log);
  const { database, leave: disconnect } = await connect(settings);
  const leave = async () => {
    await client.close();
    await disconnect();
  };
  try {
    await checkServer(database);
    const source = { reader: client.reader(topic), topic };
    const facts = await client.describeTopic(topic);
    if (facts === undefined) throw badTopic(source, 'it is not there');
    const { partitions } = facts;
    const survey = await surveyTopic(source, partitions);
    const open = async () => {
      await migrate(database.pool, { schema: settings.schema, partitions });
      return openStore(database, { schema: settings.schema, log, clockShiftMs: () => 0 });
    };
    const site: Site = { source, survey, open };
    return { site, leave };
  } catch (error) {
    await leave();
    throw asStoreError(error);
  }
}

/**
 * The ledger as a mirror of the topic: one that it was, one without events that becomes it, or with
 * `tail` one that was the primary.
 */
async function asMirror({ source, survey, open }: Site, tail: boolean): Promise<Store> {
  const store = await open();
  checkPartitions(source, survey, store);
  if (store.role.now === 'mirror') checkOwner(source, survey, store.ledgerId);
  await refuseWhileRunning(store, (text, values) => store.database.pool.query(text, values));
  if (store.role.now === 'mirror') return store;
  if (tail && (await readHeads(store)).size > 0) {
    checkOwner(source, survey, store.ledgerId);
    await checkEpoch(source, survey, store);
    await refuseDiverged(store, source, survey);
    await suspend(store);
  } else await adopt(store, survey);
  return open();
}

/** What the topic has of an epoch that the ledger has left must not come back. */
async function checkEpoch({ topic }: Source, survey: Survey, store: Store): Promise<void> {
  const epoch = await readEpoch(store);
  if (survey.epoch >= epoch) return;
  throw new LedgerError(
    'TOPIC_DIVERGED',
    `topic ${topic}: it is in epoch ${survey.epoch}, the ledger in ${epoch}: 'jobledger relay' publishes it first`,
  );
}

function checkPartitions(source: Source, survey: Survey, store: Store): void {
  const { length: partitions } = survey.partitions;
  if (partitions === store.partitions) return;
  throw new LedgerError(
    'BAD_TOPIC',
    `topic ${source.topic}: it has ${partitions} partitions, the ledger of this schema ${store.partitions}; restore into an empty schema, which is made to fit`,
  );
}
