import { once } from 'node:events';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { begin, endClient, sessionConfig } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { copyText } from '../../ledger/copy-text.js';
import { COPYING } from '../../ledger/mirror/become-mirror.js';
import { EVENT_COLUMNS, lockPartition, type Store } from '../../ledger/store.js';
import { sqlState } from '../../sql-errors.js';
import type { EventText } from '../record.js';

/** Characters sent at a time. */
const CHUNK = 65_536;

/**
 * Puts events into the ledger as they are, by COPY, on a connection of its own: the pool's are pipelined,
 * which COPY cannot be. Each stretch is one transaction under the partition's lock, and only if it
 * follows on what is there: so the events themselves say how far a copy has come, whoever was killed.
 */
export class EventCopier {
  readonly #store: Store;
  #client: pg.Client | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** All of them or none. Throws `CONFLICT` if somebody else has put events there meanwhile. */
  async copy(partition: number, events: readonly EventText[]): Promise<void> {
    const client = (this.#client ??= await this.#connect());
    try {
      await client.query(begin(this.#store.database));
      await this.#claim(client, partition, events[0]!.position);
      await copyRows(client, this.#store.tables.eventsOf(partition), events);
      await client.query('commit');
    } catch (error) {
      await this.close();
      throw asRefusal(error, partition, events);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await endClient(client);
  }

  async #connect(): Promise<pg.Client> {
    const { config, pooler } = this.#store.database;
    const client = new pg.Client(sessionConfig(config, pooler));
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async #claim(client: pg.Client, partition: number, first: number): Promise<void> {
    const { text, values } = lockPartition(this.#store, partition);
    await client.query(text, values);
    const { rows } = await client.query<{ head: number }>(
      `select set_config('${COPYING}', 'true', true), coalesce((select position
        from ${this.#store.tables.eventsOf(partition)} where partition = ${partition}
        order by position desc limit 1), 0)::float8 as head`,
    );
    const { head } = rows[0]!;
    if (head === first - 1) return;
    throw new LedgerError(
      'CONFLICT',
      `partition ${partition}: expected to go on behind position ${first - 1}, it is at ${head}: another process fills this ledger`,
    );
  }
}

async function copyRows(
  client: pg.Client,
  table: string,
  events: readonly EventText[],
): Promise<void> {
  const stream = client.query(copyFrom(`copy ${table}(${EVENT_COLUMNS}) from stdin`));
  const done = once(stream, 'finish');
  // What fails while lines are being written is told by `done`.
  done.catch(() => {});
  let chunk = '';
  for (const event of events) {
    chunk += copyLine(event);
    if (chunk.length < CHUNK) continue;
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done]);
    chunk = '';
  }
  stream.end(chunk);
  await done;
}

/** In the order of `EVENT_COLUMNS`, in COPY's text format. */
function copyLine(event: EventText): string {
  return `${event.partition}\t${event.position}\t${event.streamId}\t${event.version}\t${event.type}\t${event.schemaVersion}\t${copyText(event.kind)}\t${copyText(event.queue)}\t${copyText(event.data)}\t${copyText(event.meta)}\t${event.recordedAt}\n`;
}

/** What Postgres refuses of an event is the topic's fault: told with its place. */
function asRefusal(error: unknown, partition: number, events: readonly EventText[]): unknown {
  if (!/^(22|23)/.test(sqlState(error) ?? '')) return error;
  const { message } = error as Error;
  return new LedgerError(
    'BAD_TOPIC',
    `partition ${partition}, positions ${events[0]!.position} to ${events.at(-1)!.position}: the database refuses what the topic has: ${message}`,
    { cause: error },
  );
}
