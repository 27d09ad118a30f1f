import type { EnqueueItem, Ledger, Actor } from './api.js';
import type { Enqueued, EnqueueOptions } from './job/enqueue-options.js';
import type { BulkOptions, PageOptions } from './api-bulk.js';
import type { AsOf, AsOfOption } from './api-as-of.js';
import type { DiffOptions, PastStats } from './api-past.js';
import type { JobFilter } from './api-filter.js';
import type { ListOptions, Stats, VerifyOptions } from './api-views.js';
import type { RepairOptions } from './api-repair.js';
import type { LedgerProjector, ProjectorOptions } from './api-projector.js';
import type { LedgerRelay, RelayOptions } from './api-kafka.js';
import type { LedgerProjections, ProjectionsOptions, UpTo } from './api-projections.js';
import type { LedgerWorker } from './api-worker.js';
import { type LedgerSettings } from './config.js';
import { endDatabase } from './database.js';
import { type EmbeddedServer } from './embedded/embedded.js';
import type { JobContract } from './job/define.js';
import type { EventMeta } from './job/events.js';
import { bulk } from './ledger/query/bulk.js';
import { previewBulk } from './ledger/query/bulk-preview.js';
import { knownKinds } from './ledger/query/count-lines.js';
import { EnqueueBuffer } from './ledger/enqueue/enqueue-buffer.js';
import { enqueue, enqueueMany, type Enqueueing } from './ledger/enqueue/enqueue.js';
import { list } from './ledger/query/list.js';
import { countJobs, listPage } from './ledger/query/list-page.js';
import { readDiff } from './ledger/as-of/diff.js';
import { instantAt } from './ledger/as-of/instant.js';
import { findHistory, findJob } from './ledger/as-of/look-up.js';
import { readStatsAsOf } from './ledger/as-of/stats.js';
import { readPublications } from './kafka/status.js';
import { migrate } from './ledger/migrate.js';
import { operate, type Operation } from './ledger/outcome/operate.js';
import { refuseMirror } from './ledger/role.js';
import { readStats } from './ledger/query/stats.js';
import type { Store } from './ledger/store.js';
import { Slots } from './ledger/enqueue/slots.js';
import { closed, OpenCalls } from './open-calls.js';
import { OpenLoops } from './open-loops.js';
import { repairLedger } from './open-repair.js';
import { verifyLedger } from './open-verify.js';
import { workerInfo } from './worker/registration.js';
import { readEpochs } from './kafka/epochs.js';
import { caughtUp } from './projector/caught-up.js';
import { guarded } from './projector/guarded.js';
import { ReadModels } from './projector/read-models.js';

/**
 * The open ledger: every public call passes through here. It refuses calls after `close`, lets those
 * that were accepted before it finish, and tells store errors in one line.
 */
export class LedgerHandle implements Ledger {
  readonly #store: Store;
  readonly #settings: LedgerSettings;
  readonly #kinds: ReadonlyMap<string, JobContract> | undefined;
  readonly #embedded: EmbeddedServer | undefined;
  readonly #enqueueing: Enqueueing;
  readonly #loops: OpenLoops;
  readonly #calls = new OpenCalls();
  #ended = false;
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
    this.#loops = new OpenLoops(store);
    const { enqueueTimeoutMs: timeoutMs, maxConnections } = settings;
    const keyed = new Slots(Math.max(1, Math.floor((maxConnections - 3) / 2)));
    const buffer = new EnqueueBuffer(store, timeoutMs, settings.whenBufferFull);
    this.#enqueueing = { store, kinds, timeoutMs, buffer, keyed };
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
    return this.#write('enqueue', () => enqueue(this.#enqueueing, job, payload, options));
  }

  async enqueueMany(
    items: readonly EnqueueItem[],
    options: { readonly atomic?: boolean; readonly transaction?: unknown } = {},
  ): Promise<readonly Enqueued[]> {
    return this.#write('enqueue', () => enqueueMany(this.#enqueueing, items, options));
  }

  async get(id: string, { asOf }: AsOfOption = {}) {
    return this.#call(() => findJob(this.#store, id, asOf));
  }

  async history(id: string, { asOf }: AsOfOption = {}) {
    return this.#call(() => findHistory(this.#store, id, asOf));
  }

  async list(options: ListOptions = {}) {
    return this.#call(() => list(this.#store, options));
  }

  async listPage(options: PageOptions = {}) {
    return this.#call(() => listPage(this.#store, options));
  }

  async count(filter: JobFilter & AsOfOption = {}) {
    return this.#call(() => countJobs(this.#store, filter));
  }

  /** Closing ends it behind its batch. */
  async bulk(options: BulkOptions) {
    const isEnding = () => this.#closing !== undefined;
    return this.#write('bulk', () => bulk(this.#store, options, isEnding));
  }

  async previewBulk(options: Pick<BulkOptions, 'action' | 'filter'>) {
    return this.#call(() => previewBulk(this.#store, options));
  }

  cancel(id: string, by: Actor) {
    return this.#operate(id, { type: 'CancelJob' }, by);
  }

  async retry(id: string, by: Parameters<Ledger['retry']>[1]) {
    const { extraAttempts, payload } = by ?? {};
    return this.#operate(id, { type: 'RetryJob', extraAttempts, payload }, by);
  }

  discard(id: string, by: Actor) {
    return this.#operate(id, { type: 'DiscardJob' }, by);
  }

  reschedule(id: string, by: Parameters<Ledger['reschedule']>[1]) {
    return this.#operate(id, { type: 'RescheduleJob', runAt: by?.runAt }, by);
  }

  reprioritize(id: string, by: Parameters<Ledger['reprioritize']>[1]) {
    return this.#operate(id, { type: 'ReprioritizeJob', priority: by?.priority }, by);
  }

  stats(options?: { readonly asOf?: undefined }): Promise<Stats>;
  stats(options: { readonly asOf: AsOf }): Promise<PastStats>;
  async stats({ asOf }: AsOfOption = {}): Promise<Stats | PastStats> {
    const kinds = knownKinds(this.#kinds);
    return this.#call<Stats | PastStats>(() =>
      asOf === undefined
        ? readStats(this.#store, { kinds })
        : readStatsAsOf(this.#store, asOf, kinds),
    );
  }

  async diff(options: DiffOptions) {
    return this.#call(() => readDiff(this.#store, options));
  }

  async instant(asOf: AsOf) {
    return this.#call(() => instantAt(this.#store, 'asOf', asOf));
  }

  async verify(options?: VerifyOptions) {
    return this.#call(() => verifyLedger(this.#store, this.#settings.schema, options));
  }

  async repairDispatch(options: RepairOptions = {}) {
    return this.#call(() => repairLedger(this.#store, options));
  }

  async workerInfo(id: number) {
    return this.#call(() => workerInfo(this.#store, id));
  }

  worker(options: Parameters<Ledger['worker']>[0]): LedgerWorker {
    this.#checkOpen();
    return this.#loops.worker(options, {
      enqueue: (job, payload, enqueueOptions, inherited) =>
        this.#followUp(job, payload, enqueueOptions, inherited),
    });
  }

  projector({ projections }: ProjectorOptions): LedgerProjector {
    this.#checkOpen();
    return this.#loops.projector(projections);
  }

  relay(options: RelayOptions): LedgerRelay {
    this.#checkOpen();
    return this.#loops.relay(options);
  }

  async publications() {
    return this.#call(() => readPublications(this.#store));
  }

  projections({ projections = [] }: ProjectionsOptions = {}): LedgerProjections {
    this.#checkOpen();
    return guarded(
      new ReadModels(this.#store, projections, () => this.#closing !== undefined),
      (call) => this.#call(call),
    );
  }

  async caughtUp(name: string, upTo?: UpTo, { timeoutMs }: { readonly timeoutMs?: number } = {}) {
    return this.#call(() => caughtUp(this.#store, name, upTo, timeoutMs));
  }

  async epochs() {
    return this.#call(() => readEpochs(this.#store));
  }

  async migrate() {
    return this.#call(() => migrate(this.#store.database.pool, this.#settings));
  }

  /** Ends workers and flushes what was accepted. Harmless if called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Workers first, whose handlers may still enqueue; then all that was accepted; then the door. */
  async #shutDown(): Promise<void> {
    const failed = await this.#loops.stop();
    this.#ended = true;
    await this.#calls.settled();
    await this.#enqueueing.buffer.drain();
    await this.#store.notifier.flush();
    await this.#loops.deafen();
    await endDatabase(this.#store.database);
    await this.#embedded?.close();
    if (failed !== undefined) throw failed.reason;
  }

  /** A handler may enqueue until its worker has stopped, also while the ledger closes. */
  async #followUp(
    job: JobContract | string,
    payload: unknown,
    options: EnqueueOptions,
    inherited: EventMeta | undefined,
  ): Promise<Enqueued> {
    if (this.#ended) throw closed();
    return this.#calls.track(() => enqueue(this.#enqueueing, job, payload, options, inherited));
  }

  #operate(id: string, operation: Operation, by: Actor) {
    const work = () => operate(this.#store, this.#kinds, id, operation, by);
    return this.#write(operation.type, work);
  }

  /** A call that only a primary answers: known without asking, unless it was a mirror just now. */
  async #write<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (this.#store.role.now === 'primary') return this.#call(call);
    return this.#call(async () => {
      await refuseMirror(this.#store, what);
      return call();
    });
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    return this.#calls.track(call);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}
