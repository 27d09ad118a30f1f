/**
 * Publishes the ledger: every event of partition p, in order, once, on the topic's partition p. Any
 * number of relays share the partitions out among themselves. A lease in Postgres says who works on
 * which; that nobody else can publish there is Kafka's promise, by one transactional id for each. It
 * never sends what it has not read again just now, and never trusts a position over the topic itself.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { LedgerRelay } from '../api-kafka.js';
import { isLedgerError } from '../errors.js';
import { readHeads } from '../ledger/heads.js';
import { Pacing } from '../ledger/pacing.js';
import { Shares } from '../ledger/shares.js';
import type { Store } from '../ledger/store.js';
import { inTurn, Loop } from '../service.js';
import { PartitionLoop } from './partition-loop.js';
import { PartitionRelay, type Line } from './partition-relay.js';
import { Progress } from './progress.js';
import { prepareTopic } from './topic.js';
import { Troubles } from './troubles.js';

/** From one renewal of the leases to the next: a fifth of what they last. */
const RENEWALS = 5;
/** How long a stop waits for the batch in hand, in milliseconds. */
const STOP_MS = 5_000;

export class Relay implements LedgerRelay {
  readonly #store: Store;
  readonly #open: () => Promise<Line>;
  readonly #options: { readonly mayForget: boolean; readonly leaseMs: number };
  readonly #partitions = new Map<number, { relay: PartitionRelay; loop: PartitionLoop }>();
  readonly #renewing: Loop;
  readonly #looking: Loop;
  readonly #pacing = new Pacing();
  readonly #prepare = inTurn(() => this.#prepareOnce());
  readonly #renew = inTurn(() => this.#renewOnce());
  #line: Line | undefined;
  #shares: Shares | undefined;
  #progress: Progress | undefined;
  #troubles: Troubles | undefined;
  #unsubscribe = () => {};
  /** Between `start` and `stop`; the loops begin a little later. */
  #wanted = false;
  #started = false;
  #told = '';

  constructor(
    store: Store,
    open: () => Promise<Line>,
    options: { readonly mayForget: boolean; readonly leaseMs: number },
  ) {
    this.#store = store;
    this.#open = open;
    this.#options = options;
    this.#renewing = new Loop(
      () => this.#renewPaced(),
      (error) => this.#tell(error),
    );
    this.#looking = new Loop(
      () => this.#look(),
      (error) => this.#tell(error),
    );
  }

  async start(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    // Brokers may come later than we do; what they hold may not be wrong.
    await this.#prepare().catch((error: unknown) => {
      if (isLedgerError(error, 'BROKER_UNREACHABLE')) return this.#tell(error);
      this.#wanted = false;
      throw error;
    });
    if (!this.#wanted) return this.#leave();
    this.#started = true;
    this.#unsubscribe = this.#store.signals.subscribe(({ what }) => {
      if (what === 'relays') this.#renewing.wake();
      else if (this.#pacing.hear()) this.#looking.wake();
    });
    // Those that `catchUp` has taken already.
    for (const { loop } of this.#partitions.values()) loop.start();
    this.#renewing.start();
    this.#looking.start();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#started = false;
    this.#unsubscribe();
    await Promise.all([this.#renewing.stop(), this.#looking.stop()]);
    await Promise.all([...this.#partitions.keys()].map((partition) => this.#release(partition)));
    await this.#progress?.write().catch(() => {});
    await this.#shares?.drop().catch(() => {});
    this.#store.notifier.send({ what: 'relays' });
    await this.#leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async catchUp(): Promise<number> {
    await this.#prepare();
    await this.#renew();
    const relays = [...this.#partitions.values()].map(({ relay }) => relay);
    const sent = await Promise.all(relays.map(publishAll));
    for (const relay of relays) this.#progress!.note(relay);
    await this.#progress!.write();
    return sent.reduce((sum, events) => sum + events, 0);
  }

  async #prepareOnce(): Promise<void> {
    if (this.#line !== undefined) return;
    const line = await this.#open();
    try {
      await prepareTopic(line.client, line.topic, this.#store.partitions, this.#options);
    } catch (error) {
      await line.client.close();
      throw error;
    }
    const { relays: members, publications: shares } = this.#store.tables;
    const { pool } = this.#store.database;
    const { leaseMs } = this.#options;
    const { partitions } = this.#store;
    const place = { pool, members, shares, scope: line.topic, partitions, leaseMs };
    const owner = { id: randomUUID(), host: hostname(), pid: process.pid };
    this.#shares = new Shares(place, owner);
    this.#progress = new Progress(this.#store, line.topic, owner.id);
    this.#troubles = new Troubles(this.#store, line.topic, owner.id);
    this.#line = line;
  }

  async #renewPaced(): Promise<number> {
    await this.#prepare();
    await this.#renew();
    await this.#progress!.write();
    return this.#options.leaseMs / RENEWALS;
  }

  async #renewOnce(): Promise<void> {
    const ours = await this.#shares!.renew();
    const gone = [...this.#partitions.keys()].filter((partition) => !ours.has(partition));
    await Promise.all(gone.map((partition) => this.#release(partition)));
    for (const partition of ours) if (!this.#partitions.has(partition)) this.#take(partition);
  }

  #take(partition: number): void {
    const relay = new PartitionRelay(this.#line!, partition);
    const loop = new PartitionLoop(
      () => this.#publish(relay),
      (error) => void this.#troubles!.tell(partition, error),
    );
    this.#partitions.set(partition, { relay, loop });
    if (this.#started) loop.start();
  }

  async #release(partition: number): Promise<void> {
    const held = this.#partitions.get(partition);
    this.#partitions.delete(partition);
    if (held === undefined) return;
    const stopped = held.loop.stop();
    await Promise.race([stopped, pause(STOP_MS, undefined, { ref: false })]);
    // A broker that does not answer keeps nobody: what is under way fails, and the next one looks.
    await held.relay.close();
    await stopped;
    // A take-over that was under way has made a publisher since.
    await held.relay.close();
    this.#troubles!.forget(partition);
  }

  async #publish(relay: PartitionRelay): Promise<number> {
    const sent = await relay.publish();
    await this.#troubles!.end(relay.partition);
    this.#progress!.note(relay);
    return sent;
  }

  async #look(): Promise<number> {
    this.#pacing.begin();
    const heads = await readHeads(this.#store);
    let behind = 0;
    for (const [partition, { relay, loop }] of this.#partitions) {
      if ((heads.get(partition) ?? 0) > relay.position && loop.wake()) behind += 1;
    }
    await this.#progress?.write();
    return this.#pacing.rest(behind, false);
  }

  async #leave(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    await line?.client.close();
  }

  /** Once, until it is another one: a broker that is away for an hour is one piece of news. */
  #tell(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#store.log.warn({ code: 'RELAY', error }, 'relay failed; trying again');
  }
}

async function publishAll(relay: PartitionRelay): Promise<number> {
  let sent = 0;
  for (let more = -1; more !== 0; sent += more) more = await relay.publish();
  return sent;
}
