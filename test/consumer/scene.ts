import { onTestFinished } from 'vitest';
import {
  consumeEvents,
  type ConsumerOptions,
  type EventConsumer,
  type EventHandler,
} from '../../src/index.js';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { ask, openSite, type Site, type SiteOptions } from '../worker/site.js';

/** A ledger, and another database for the service that reads its events. */
export interface Scene extends Site {
  /** The service's own database. */
  readonly own: string;
  readonly effects: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
  /** A consumer of the ledger's tables, stopped when the test ends. */
  readonly consume: (options?: Partial<ConsumerOptions>) => Promise<EventConsumer>;
  /** Every effect by partition, as the handler `record` left it. */
  readonly applied: () => Promise<readonly Applied[]>;
  /** What the ledger holds, in the same form. */
  readonly recorded: () => Promise<readonly Applied[]>;
}

export interface Applied {
  readonly partition: number;
  readonly position: number;
  readonly type: string;
}

/** Opens both; `effects` is the table that `record` writes. */
export async function openScene(options: SiteOptions = { partitions: 2 }): Promise<Scene> {
  const site = await openSite(options);
  const own = await createDatabase({ empty: true });
  onTestFinished(() => own.drop());
  await ask(own.url, EFFECTS);
  const effects: Scene['effects'] = (text, values) => ask(own.url, text, values);
  const consume = async (more: Partial<ConsumerOptions> = {}) => {
    const consumer = await consumeEvents({
      ...{ group: 'g', handler: record, database: own.url, ledger: site.url },
      ...{ migrate: true, logger: false, ...more },
    });
    onTestFinished(() => consumer.stop());
    return consumer;
  };
  const applied = () =>
    effects<Applied>('select partition, position::int, type from effects order by turn');
  const recorded = () =>
    site.sql<Applied>(
      'select partition::int, position::int, type::text from jobledger.events order by 1, 2',
    );
  return { ...site, own: own.url, effects, consume, applied, recorded };
}

/** No key: an effect that is done twice is seen. */
export const EFFECTS = `create table effects(turn bigint generated always as identity,
  partition int, position bigint, type text, job_id text, attempt int)`;

/** Leaves each event's effect where its position is. */
export const record: EventHandler = async (event, { transaction, attempt }) => {
  const { partition, position, type, streamId } = event;
  await transaction.query(
    'insert into effects(partition, position, type, job_id, attempt) values ($1, $2, $3, $4, $5)',
    [partition, position, type, streamId, attempt],
  );
};

/** Waits until the group has done everything that is there. */
export async function caughtUp(consumer: EventConsumer, timeoutMs = 10_000): Promise<void> {
  await eventually(
    async () => {
      const status = await consumer.status();
      return status.every(({ lagEvents }) => lagEvents === 0);
    },
    { timeoutMs },
  );
}

/** By partition, as recorded; the sort is stable, so that the order within one is what came. */
export function byPartition(applied: readonly Applied[]): readonly Applied[] {
  return applied.toSorted((one, other) => one.partition - other.partition);
}
