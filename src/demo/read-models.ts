import { isLedgerError } from '../index.js';
import type {
  JsonObject,
  Ledger,
  LedgerProjections,
  Projection,
  RebuildProgress,
} from '../index.js';
import { LICENCES, licences, licencesWithFile } from './licences.js';

/** A row of the view, in either version. */
export interface LicenceRow {
  readonly licence: string;
  readonly audits: number;
  readonly files: number;
  readonly bytes: number;
  readonly largest_file?: string | null;
  readonly largest_bytes?: number | null;
}

/** More than there are licences. */
const MOST_ROWS = 1_000;
/** A demo that was killed may have a read model for 15 s more. */
const PATIENCE_MS = 30_000;

/** The read models that a demo keeps up to date: its own, and those that come with the package. */
export class DemoModels {
  readonly #ledger: Ledger;
  #shipped: readonly Projection[];
  readonly #models: LedgerProjections;

  constructor(ledger: Ledger, shipped: readonly Projection[]) {
    this.#ledger = ledger;
    this.#shipped = shipped;
    this.#models = ledger.projections({ projections: [licences, licencesWithFile] });
  }

  /** All of them, as code. */
  get code(): readonly Projection[] {
    return [licences, licencesWithFile, ...this.#shipped];
  }

  /** Begins to follow the log, its own read model in version 1; the end of the ledger ends it. */
  async follow(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      if (!isLedgerError(error, 'BAD_CONFIG')) throw error;
      // The folder is in use, and its owner has read models of the same names: they are left alone.
      this.#shipped = [];
      await this.#start();
    }
    await this.#backToVersionOne();
  }

  /** Resolves when all have folded what is in the log. */
  async caughtUp(): Promise<void> {
    const names = [LICENCES, ...(await this.#followed())];
    const options = { timeoutMs: PATIENCE_MS };
    await Promise.all(names.map((name) => this.#ledger.caughtUp(name, undefined, options)));
  }

  /** What readers of the view see now, the most bytes first. */
  async rows(): Promise<readonly LicenceRow[]> {
    const rows = await this.#models.rows(LICENCES, { limit: MOST_ROWS });
    return (rows as readonly (JsonObject & LicenceRow)[]).toSorted(
      (a, b) => b.bytes - a.bytes || (a.licence < b.licence ? -1 : 1),
    );
  }

  /** Builds version 2 beside version 1 and serves it; gives how many events it was folded from. */
  async rebuild(onProgress: (progress: RebuildProgress) => void): Promise<number> {
    const { events } = await this.#models.rebuild(LICENCES, { onProgress });
    return events;
  }

  async #start(): Promise<void> {
    const projections = [licences, ...this.#shipped];
    await this.#ledger.projector({ projections }).start();
  }

  /** An earlier demo in this folder has left version 2, or was stopped while it was built. */
  async #backToVersionOne(): Promise<void> {
    const builds = (await this.#models.status()).filter(({ name }) => name === LICENCES);
    const newer = builds.filter(({ version }) => version === licencesWithFile.version);
    if (builds.some(({ paused }) => paused)) await this.#models.resume(LICENCES);
    if (newer.some(({ state }) => state === 'live'))
      await this.#models.rollback(LICENCES, { to: licences.version });
    if (newer.length > 0) await this.#models.drop(LICENCES, licencesWithFile.version);
  }

  /** Where the folder is in use, others may have paused some, or serve another version. */
  async #followed(): Promise<readonly string[]> {
    const builds = await this.#models.status();
    const isOurs = ({ name, version }: Projection): boolean => {
      const its = builds.filter((one) => one.name === name);
      const live = its.find(({ state }) => state === 'live');
      return its.every(({ paused }) => !paused) && (live?.version ?? version) === version;
    };
    return this.#shipped.filter(isOurs).map(({ name }) => name);
  }
}
