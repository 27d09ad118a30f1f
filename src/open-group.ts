import type { ConsumerOptions } from './api-consumer.js';
import { ledgerSettings } from './config.js';
import { filterOf } from './consumer/filter.js';
import type { Group } from './consumer/group.js';
import { checkMigrated, migrateConsumers } from './consumer/migrate.js';
import { consumerTables, CONSUMER_SCHEMA } from './consumer/tables.js';
import type { Log } from './job/define.js';
import { resolveRetry } from './job/retry.js';
import { Slots } from './ledger/enqueue/slots.js';
import { checkServer } from './ledger/open-store.js';
import { connect } from './open-database.js';

/** What has been opened, and how it is left. */
export type Leaving = (() => Promise<void>)[];

/** Connects to a consumer's own database. Throws `NOT_MIGRATED`, `BAD_SERVER`, `STORE_UNREACHABLE`. */
export async function openGroup(
  options: Omit<ConsumerOptions, 'kafka' | 'ledger'>,
  log: Log,
  leaving: Leaving,
): Promise<Group> {
  const { schema = CONSUMER_SCHEMA, concurrency = 8 } = options;
  const settings = ledgerSettings({ database: options.database, migrate: options.migrate });
  // No session settings of ours: the statements of the handler are the user's.
  const plain = { ...settings, pooler: true, maxConnections: concurrency + SPARE };
  const { database, leave } = await connect(plain);
  leaving.push(leave);
  await checkServer(database);
  if (settings.migrate) await migrateConsumers(database.pool, schema);
  else await checkMigrated(database.pool, schema);
  return {
    ...{ name: options.group, handler: options.handler, database, log },
    tables: consumerTables(schema),
    isWanted: filterOf(options),
    maxAttempts: options.maxAttempts ?? 5,
    backoff: resolveRetry({ ...BACKOFF, ...options.backoff }).policy,
    timeoutMs: options.timeoutMs ?? 60_000,
    slots: new Slots(concurrency),
  };
}

const BACKOFF = { baseMs: 500, capMs: 30_000 };
/** Connections beside those of the stretches: three that a pool leaves out, and two for the rest. */
const SPARE = 5;
