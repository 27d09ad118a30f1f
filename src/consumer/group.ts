import type { Database } from '../database.js';
import type { EventHandler } from '../api-consumer.js';
import type { Log } from '../job/define.js';
import type { RetryPolicy } from '../job/retry.js';
import type { EventText } from '../kafka/record.js';
import type { Slots } from '../ledger/enqueue/slots.js';
import type { ConsumerTables } from './tables.js';

/** What all parts of a consumer know of it. */
export interface Group {
  readonly name: string;
  readonly database: Database;
  readonly tables: ConsumerTables;
  readonly handler: EventHandler;
  readonly isWanted: (event: EventText) => boolean;
  readonly maxAttempts: number;
  readonly backoff: RetryPolicy;
  readonly timeoutMs: number;
  /** How many partitions are worked on at a time: each needs a connection. */
  readonly slots: Slots;
  readonly log: Log;
}
