import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import {
  LedgerError,
  type KafkaOptions,
  type Ledger,
  type PublicationStatus,
  type TopicVerification,
} from '../index.js';
import { count } from './format.js';
import { heading, more, rows } from './lines.js';
import type { DemoModels } from './read-models.js';
import type { Screen } from './screen.js';
import type { Check } from './self-check.js';
import type { Stage } from './stage.js';

/** What was published, and what the service made of it. */
export interface Published {
  readonly topic: string;
  readonly events: number;
  readonly verification: TopicVerification;
  /** Audits by licence, as the service counted them and as the read model has them. */
  readonly counted: ReadonlyMap<string, number>;
  readonly expected: ReadonlyMap<string, number>;
}

const PATIENCE_MS = 60_000;
const LOOK_MS = 100;
const SHOWN_LICENCES = 5;

/** Publishes the ledger while the demo runs, to a topic of its own, and starts a service that reads it. */
export class Publication {
  readonly #ledger: Ledger;
  readonly #kafka: KafkaOptions & { readonly topic: string };

  constructor(ledger: Ledger, { brokers }: KafkaOptions) {
    this.#ledger = ledger;
    this.#kafka = { brokers, topic: `jobledger.demo-${ledger.ledgerId.slice(0, 8)}` };
  }

  async begin(stage: Stage, project: string): Promise<void> {
    const database = this.#ledger.databaseUrl!;
    await inDatabase(database, TABLE);
    await this.#ledger.relay({ kafka: this.#kafka }).start();
    const orders = { project, database, group: GROUP, kafka: this.#kafka };
    await stage.startService(orders).message('ready');
  }

  /** Waits until topic and service have all that the ledger has, and compares. */
  async compare(models: DemoModels): Promise<Published> {
    await models.caughtUp();
    const { events } = await this.#published();
    const expected = new Map((await models.rows()).map((row) => [row.licence, Number(row.audits)]));
    const counted = await this.#countedBy(expected);
    const { topic } = this.#kafka;
    const { kafka: verification } = await this.#ledger.verify({ kafka: this.#kafka });
    if (verification === undefined) throw new LedgerError('INTERNAL', 'the topic was not compared');
    return { topic, events, verification, counted, expected };
  }

  async #published(): Promise<PublicationStatus> {
    return eventually(async () => {
      const all = await this.#ledger.publications();
      return all.find(({ topic, lagEvents }) => topic === this.#kafka.topic && lagEvents === 0);
    });
  }

  /** What the service has; it lags behind the topic for a moment. */
  async #countedBy(expected: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, number>> {
    const url = this.#ledger.databaseUrl!;
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const counted = await inDatabase(
        url,
        'select licence, audits::int from demo_service.licences',
      );
      const found = new Map(counted.map(({ licence, audits }) => [licence, audits] as const));
      if (isEqual(found, expected) || performance.now() > deadline) return found;
      await pause(LOOK_MS);
    }
  }
}

const GROUP = 'demo-licences';
const TABLE = `create schema if not exists demo_service;
  create table if not exists demo_service.licences(licence text primary key, audits bigint not null)`;

/** Shows what ledger, topic and service say. */
export function reportPublished(screen: Screen, { topic, events, counted }: Published): void {
  heading(screen, `Published to Kafka, and counted by a service of its own: topic ${topic}`);
  screen.line(`  ${screen.green('✓')} ${count(events, 'event')}, in order and once, as they came`);
  const most = [...counted].toSorted(([, one], [, other]) => other - one);
  rows(
    screen,
    most.slice(0, SHOWN_LICENCES).map(([licence, audits]) => [licence, count(audits, 'audit')]),
  );
  more(screen, most.length - SHOWN_LICENCES);
}

/** Ledger, topic and service must agree. */
export function agreeing({ verification, counted, expected }: Published): readonly Check[] {
  return [
    {
      promise: `the topic has every event of the ledger, in order and once`,
      problems: verification.differences.map(({ text }) => text),
    },
    {
      promise: 'the service that reads the topic counts what the read model counts',
      problems: isEqual(counted, expected) ? [] : ['its counts by licence differ'],
    },
  ];
}

function isEqual(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline)
      throw new LedgerError('INTERNAL', `not published within ${PATIENCE_MS / 1_000} s`);
    await pause(LOOK_MS);
  }
}

async function inDatabase(
  connectionString: string,
  text: string,
): Promise<readonly { readonly licence: string; readonly audits: number }[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<{ licence: string; audits: number }>(text)).rows;
  } finally {
    await client.end();
  }
}
