import type { Enqueued, EnqueueItem, EnqueueOptions, Ledger, LedgerOptions, Actor } from './api.js';
import type { ListOptions } from './api-views.js';
import type { LedgerWorker } from './api-worker.js';
import { ledgerSettings, type LedgerSettings } from './config.js';
import { createDatabase, type Database } from './database.js';
import { openEmbedded, type EmbeddedServer } from './embedded/embedded.js';
import { LedgerError } from './errors.js';
import type { JobContract } from './job/define.js';
import { DEFAULTS } from './job/defaults.js';
import type { EventMeta } from './job/events.js';
import { EnqueueBuffer } from './ledger/enqueue-buffer.js';
import { enqueue, enqueueMany, type Enqueueing } from './ledger/enqueue.js';
import { list } from './ledger/list.js';
import { lookUp } from './ledger/look-up.js';
import { migrate } from './ledger/migrate.js';
import { checkServer, openStore } from './ledger/open-store.js';
import { operate, type Operation } from './ledger/operate.js';
import { readStream, resolveId } from './ledger/read.js';
import { readStats } from './ledger/stats.js';
import type { Store } from './ledger/store.js';
import { verify } from './ledger/verify.js';
import { Listener } from './ledger/wake.js';
import { defaultLog } from './log.js';
import { asStoreError } from './sql-errors.js';
import { workerInfo } from './worker/registration.js';
import { Worker } from './worker/worker.js';

/**
 * Opens a ledger. With nothing said it runs on an embedded Postgres in `./.jobledger`, which is
 * started, migrated, and stopped again when its last user closes; on a database given by URL
 * nothing runs DDL unless told. Throws LedgerError: `BAD_CONFIG`, `BAD_DATABASE_URL`,
 * `NOT_MIGRATED`, `DATABASE_TOO_NEW`, `BAD_SERVER`, `STORE_UNREACHABLE` and others, in one line. An
 * opening that fails leaves nothing behind.
 *
 * @example
 * await using ledger = await openLedger({ jobs: [sendEmail] });
 * const { id } = await ledger.enqueue(sendEmail, { to: 'ada@example.org', template: 'welcome' });
 * console.log(await ledger.get(id));
 */
export async function openLedger(options: LedgerOptions = {}): Promise<Ledger> {
  const settings = ledgerSettings(options);
  const kinds = kindsOf(options.jobs);
  const embedded =
    'embedded' in settings.database
      ? await openEmbedded({ folder: settings.database.embedded })
      : undefined;
  const config = embedded?.config ?? (settings.database as { config: Database['config'] }).config;
  const database = createDatabase(config, settings);
  try {
    await checkServer(database);
    if (settings.migrate) await migrate(database.pool, settings);
    const store = await openStore(database, {
      schema: settings.schema,
      log: options.logger === undefined ? defaultLog() : options.logger || defaultLog('silent'),
      clockShiftMs: options.clockShiftMs ?? (() => 0),
    });
    return new OpenLedger(store, settings, kinds, embedded);
  } catch (error) {
    await database.pool.end().catch(() => {});
    await embedded?.close();
    throw asStoreError(error);
  }
}

/** Brings a database's schema up to date without opening it. Gives the names of the steps taken. */
export async function migrateDatabase(options: LedgerOptions): Promise<readonly string[]> {
  const settings = ledgerSettings(options);
  const embedded =
    'embedded' in settings.database
      ? await openEmbedded({ folder: settings.database.embedded })
      : undefined;
  const config = embedded?.config ?? (settings.database as { config: Database['config'] }).config;
  const database = createDatabase(config, settings);
  try {
    await checkServer(database);
    return await migrate(database.pool, settings);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await database.pool.end().catch(() => {});
    await embedded?.close();
  }
}

function kindsOf(
  jobs: readonly JobContract[] | undefined,
): ReadonlyMap<string, JobContract> | undefined {
  if (jobs === undefined) return undefined;
  const kinds = new Map<string, JobContract>();
  for (const job of jobs) {
    if (kinds.has(job.kind)) {
      throw new LedgerError(
        'DUPLICATE_KIND',
        `jobs: kind ${JSON.stringify(job.kind)} is there twice`,
      );
    }
    kinds.set(job.kind, job);
  }
  return kinds;
}

class OpenLedger implements Ledger {
  readonly #store: Store;
  readonly #settings: LedgerSettings;
  readonly #kinds: ReadonlyMap<string, JobContract> | undefined;
  readonly #embedded: EmbeddedServer | undefined;
  readonly #enqueueing: Enqueueing;
  readonly #listener: Listener;
  readonly #workers = new Set<Worker>();
  #listening = false;
  #closing: Promise<void> | undefined;

  constructor(
    store: Store,
    settings: LedgerSettings,
    kinds: ReadonlyMap<string, JobContract> | undefined,
    embedded: EmbeddedServer | undefined,
  ) {
    this.#store = store;
    this.#settings = settings;
    this.#kinds = kinds;
    this.#embedded = embedded;
    this.#listener = new Listener(store);
    const { enqueueTimeoutMs: timeoutMs } = settings;
    this.#enqueueing = { store, kinds, timeoutMs, buffer: new EnqueueBuffer(store, timeoutMs) };
  }

  get ledgerId(): string {
    return this.#store.ledgerId;
  }

  get partitions(): number {
    return this.#store.partitions;
  }

  get databaseUrl(): string | undefined {
    return this.#embedded?.url;
  }

  async enqueue(
    job: JobContract | string,
    payload: unknown,
    options: EnqueueOptions = {},
  ): Promise<Enqueued> {
    return this.#enqueue(job, payload, options);
  }

  async enqueueMany(
    items: readonly EnqueueItem[],
    options: { readonly atomic?: boolean; readonly transaction?: unknown } = {},
  ): Promise<readonly Enqueued[]> {
    this.#checkOpen();
    return this.#known(() => enqueueMany(this.#enqueueing, items, options));
  }

  async get(id: string) {
    this.#checkOpen();
    return this.#known(async () => {
      const jobId = await resolveId(this.#store, id);
      return jobId === undefined ? undefined : lookUp(this.#store, jobId);
    });
  }

  async history(id: string) {
    this.#checkOpen();
    return this.#known(async () => {
      const jobId = await resolveId(this.#store, id);
      return jobId === undefined ? [] : readStream(this.#store, jobId);
    });
  }

  async list(options: ListOptions = {}) {
    this.#checkOpen();
    return this.#known(() => list(this.#store, options));
  }

  cancel(id: string, by: Actor) {
    return this.#operate(id, { type: 'CancelJob' }, by);
  }

  retry(id: string, by: Parameters<Ledger['retry']>[1]) {
    const { extraAttempts, payload } = by;
    return this.#operate(id, { type: 'RetryJob', extraAttempts, payload }, by);
  }

  discard(id: string, by: Actor) {
    return this.#operate(id, { type: 'DiscardJob' }, by);
  }

  reschedule(id: string, by: Parameters<Ledger['reschedule']>[1]) {
    return this.#operate(id, { type: 'RescheduleJob', runAt: by.runAt }, by);
  }

  reprioritize(id: string, by: Parameters<Ledger['reprioritize']>[1]) {
    return this.#operate(id, { type: 'ReprioritizeJob', priority: by.priority }, by);
  }

  async stats() {
    this.#checkOpen();
    const known = [...(this.#kinds ?? new Map<string, JobContract>())].map(
      ([kind, job]) => [kind, { queue: job.options.queue ?? DEFAULTS.queue }] as const,
    );
    return this.#known(() => readStats(this.#store, { kinds: new Map(known) }));
  }

  async verify() {
    this.#checkOpen();
    return this.#known(() => verify(this.#store));
  }

  async workerInfo(id: number) {
    this.#checkOpen();
    return this.#known(() => workerInfo(this.#store, id));
  }

  worker(options: Parameters<Ledger['worker']>[0]): LedgerWorker {
    this.#checkOpen();
    const worker = new Worker(this.#store, options, {
      enqueue: (job, payload, enqueueOptions, inherited) =>
        this.#enqueue(job, payload, enqueueOptions, inherited),
    });
    this.#workers.add(worker);
    if (!this.#listening) this.#listener.start();
    this.#listening = true;
    return worker;
  }

  async migrate() {
    this.#checkOpen();
    return migrate(this.#store.database.pool, this.#settings);
  }

  /** Ends workers and flushes what was accepted. Harmless if called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #shutDown(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
    await this.#enqueueing.buffer.drain();
    await this.#listener.stop();
    await this.#store.database.pool.end();
    await this.#embedded?.close();
  }

  async #enqueue(
    job: JobContract | string,
    payload: unknown,
    options: EnqueueOptions,
    inherited?: EventMeta,
  ): Promise<Enqueued> {
    this.#checkOpen();
    return this.#known(() => enqueue(this.#enqueueing, job, payload, options, inherited));
  }

  async #operate(id: string, operation: Operation, by: Actor) {
    this.#checkOpen();
    return this.#known(() => operate(this.#store, this.#kinds, id, operation, by));
  }

  async #known<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new LedgerError('LEDGER_CLOSED', 'the ledger is closed');
  }
}
