import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
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
  /** Brings what is recorded to where consumers read it. */
  readonly publish: () => Promise<void>;
  /** So many jobs, recorded and published. */
  readonly enqueue: (count: number) => Promise<readonly string[]>;
  /** A consumer of the group `g`, stopped when the test ends. */
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

/** Where a scene's consumers read; `publish` brings it there. */
export interface Origin {
  /** Of the names of groups, where others could see them. */
  readonly prefix?: string;
  readonly options: (site: Site) => Partial<ConsumerOptions>;
  readonly publish: (site: Site) => Promise<void>;
}

/** The ledger's own tables. */
export const fromTables: Origin = {
  options: ({ url }) => ({ ledger: url }),
  publish: () => Promise.resolve(),
};

/** Opens both; `effects` is the table that `record` writes. */
export async function openScene(
  origin: Origin = fromTables,
  options: SiteOptions = { partitions: 2 },
): Promise<Scene> {
  const site = await openSite(options);
  const own = await createDatabase({ empty: true });
  onTestFinished(() => own.drop());
  await ask(own.url, EFFECTS);
  const effects: Scene['effects'] = (text, values) => ask(own.url, text, values);
  const consume = async (more: Partial<ConsumerOptions> = {}) => {
    const consumer = await consumeEvents({
      ...{ handler: record, database: own.url, migrate: true, logger: false },
      ...origin.options(site),
      ...more,
      group: `${origin.prefix ?? ''}${more.group ?? 'g'}`,
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
  const publish = () => origin.publish(site);
  const enqueue = async (count: number) => {
    const items = Array.from({ length: count }, (_, at) => {
      const id = `${randomUUID().slice(0, 34)}0${at % 2}`;
      return { job: `k${at % 3}`, payload: { at }, id };
    });
    const enqueued = await site.ledger.enqueueMany(items);
    await publish();
    return enqueued.map(({ id }) => id);
  };
  return { ...site, own: own.url, effects, consume, applied, recorded, publish, enqueue };
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

/** Every event of the ledger has taken effect, once and in the order of its partition. */
export async function expectAll(scene: Scene): Promise<void> {
  expect(byPartition(await scene.applied())).toEqual(await scene.recorded());
}

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
