/**
 * Follows a topic: what is published to it is in this ledger a moment later, as it was. It goes on where
 * the ledger's own events end, whoever was killed. It never takes an event that does not follow on what
 * is there, and ends for good where the topic goes another way than what it has already.
 */
import type { LedgerMirror } from '../../api-restore.js';
import { isLedgerError } from '../../errors.js';
import { tally } from '../../ledger/query/tally.js';
import type { Store } from '../../ledger/store.js';
import { inTurn, Loop } from '../../service.js';
import { EventCopier } from '../restore/event-copier.js';
import { fillLedger } from '../restore/fill.js';
import { openLog } from '../restore/open-log.js';
import type { PartitionLog } from '../restore/partition-log.js';
import { recordEpochs, recordRuns } from '../restore/record-epochs.js';
import type { Source } from '../restore/source.js';
import type { Survey } from '../restore/survey.js';

/** From one look at the topic to the next where nothing has come, in milliseconds. */
const LOOK_MS = 200;
const TALLY_MS = 2_000;

export class Mirror implements LedgerMirror {
  readonly ended: Promise<void>;
  readonly #store: Store;
  readonly #source: Source;
  readonly #survey: Survey;
  readonly #leave: () => Promise<void>;
  readonly #copier: EventCopier;
  readonly #loop: Loop;
  readonly #pass = inTurn(() => this.#takeAll());
  #logs: readonly PartitionLog[] | undefined;
  #filled = false;
  #talliedAt = 0;
  #end!: (error?: unknown) => void;
  #left: Promise<void> | undefined;

  constructor(store: Store, source: Source, survey: Survey, leave: () => Promise<void>) {
    this.#store = store;
    this.#source = source;
    this.#survey = survey;
    this.#leave = leave;
    this.#copier = new EventCopier(store);
    this.ended = new Promise((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error as Error));
    });
    this.ended.catch(() => {});
    this.#loop = new Loop(
      async () => ((await this.#pass()) > 0 ? 0 : LOOK_MS),
      (error) => this.#failed(error),
    );
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#copier.close();
    await (this.#left ??= this.#leave());
    this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async catchUp(): Promise<number> {
    let taken = 0;
    for (let more = 1; more > 0; taken += more) more = await this.#pass();
    await tally(this.#store);
    return taken;
  }

  /** What has been published since the last look; gives how many events it was. */
  async #takeAll(): Promise<number> {
    try {
      if (!this.#filled) return await this.#fill();
      this.#logs ??= await this.#open();
      let taken = 0;
      for (const [partition, log] of this.#logs.entries())
        taken += await this.#take(partition, log);
      await this.#tally();
      return taken;
    } catch (error) {
      this.#logs = undefined;
      throw error;
    }
  }

  /** Side by side, up to where the topic was when it was surveyed. */
  async #fill(): Promise<number> {
    let taken = 0;
    await fillLedger(this.#store, this.#source, this.#survey, (events) => (taken += events));
    await recordEpochs(this.#store, this.#source, this.#survey);
    this.#filled = true;
    return taken;
  }

  #open(): Promise<PartitionLog[]> {
    return Promise.all(
      this.#survey.partitions.map((_, partition) =>
        openLog(this.#store, this.#source, this.#survey, partition),
      ),
    );
  }

  async #take(partition: number, log: PartitionLog): Promise<number> {
    let count = 0;
    for (let taken; (taken = await log.next()) !== undefined; count += taken.events.length) {
      if (taken.events.length > 0) await this.#copier.copy(partition, taken.events);
      await recordRuns(this.#store, this.#source, partition, taken.begun);
    }
    return count;
  }

  async #tally(): Promise<void> {
    if (performance.now() - this.#talliedAt < TALLY_MS) return;
    await tally(this.#store);
    this.#talliedAt = performance.now();
  }

  /** What the topic is, is no outage: it does not come back by itself. */
  #failed(error: unknown): void {
    if (isLedgerError(error) && (error.answer === 'refused' || error.answer === 'bad-input')) {
      this.#store.log.error({ code: error.code, error }, `no longer followed: ${error.message}`);
      void this.#loop.stop();
      return this.#end(error);
    }
    this.#store.log.warn({ code: 'MIRROR', error }, 'following the topic failed; trying again');
  }
}
