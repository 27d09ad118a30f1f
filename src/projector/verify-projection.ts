import type { ProjectionVerification, RowDifference } from '../api-projections.js';
import type { JobSoFar, Projection, Row } from '../api-projector.js';
import { snapshot } from '../database.js';
import type { RecordedEvent } from '../job/events.js';
import { EVENT_FIELDS, toEvent, type EventRow } from '../ledger/read.js';
import type { Store } from '../ledger/store.js';
import { quote } from '../ledger/tables.js';
import { differenceOf } from './compare-rows.js';
import { advance } from './job-so-far.js';
import { tableOf } from './projection-tables.js';
import { selectList } from './row-values.js';
import { keyText } from './key-text.js';
import { loadRows } from './load-rows.js';

type Query = Parameters<Parameters<typeof snapshot>[1]>[0];

const PAGE = 5_000;
const MAX_TOLD = 100;

/**
 * Folds the log anew, event by event, up to where a build has come, and compares its table with that,
 * row by row; all on one snapshot. A parked job counts up to the event that parked it. Memory holds the rows of one partition at
 * a time, or all if jobs of several partitions have rows in common.
 */
export async function verifyProjection(
  store: Store,
  projection: Projection,
  build: number,
): Promise<ProjectionVerification> {
  return snapshot(store.database, async (query) => {
    const verifier = new Verifier(store, projection, query);
    await verifier.begin(build);
    if (projection.job === undefined) await verifier.compareAtOnce();
    else await verifier.compareByPartition();
    return verifier.answer();
  });
}

class Verifier {
  readonly #store: Store;
  readonly #projection: Projection;
  readonly #query: Query;
  #tableName = '';
  #checkpoints: readonly number[] = [];
  /** Position of the event that parked it, by job. */
  #parked: ReadonlyMap<string, number> = new Map();
  #events = 0;
  #rows = 0;
  #differing = 0;
  readonly #differences: RowDifference[] = [];

  constructor(store: Store, projection: Projection, query: Query) {
    this.#store = store;
    this.#projection = projection;
    this.#query = query;
  }

  async begin(build: number): Promise<void> {
    const { projections, checkpoints, parked } = this.#store.tables;
    const { rows } = await this.#query(
      `select table_name, (select array_agg(position::float8 order by partition) from ${checkpoints}
          where build = p.id) as checkpoints,
        (select coalesce(jsonb_object_agg(job_id, position), '{}') from ${parked} where build = p.id) as parked
      from ${projections} p where id = $1`,
      [build],
    );
    const [row] = rows as Described[];
    this.#tableName = row!.table_name;
    this.#checkpoints = row!.checkpoints;
    this.#parked = new Map(Object.entries(row!.parked));
  }

  async compareByPartition(): Promise<void> {
    for (const partition of this.#checkpoints.keys()) {
      const wanted = await this.#fold(partition, new Map());
      await this.#compare(wanted);
    }
    if ((await this.#count()) === this.#rows) return;
    for (const partition of this.#checkpoints.keys()) {
      const wanted = await this.#fold(partition, new Map());
      await this.#findExtra(wanted, partition);
    }
  }

  async compareAtOnce(): Promise<void> {
    const wanted = new Map<string, Row>();
    for (const partition of this.#checkpoints.keys()) await this.#fold(partition, wanted);
    await this.#compare(wanted);
    if ((await this.#count()) !== this.#rows) await this.#findExtra(wanted);
  }

  answer(): ProjectionVerification {
    const { name, version } = this.#projection;
    return {
      ...{ name, version, verified: this.#differing === 0 },
      ...{ events: this.#events, rows: this.#rows, parked: this.#parked.size },
      ...{ differing: this.#differing, differences: this.#differences },
    };
  }

  async #fold(partition: number, rows: Map<string, Row>): Promise<Map<string, Row>> {
    const jobs = new Map<string, JobSoFar>();
    const upTo = this.#checkpoints[partition]!;
    for (let at = 0; at < upTo; at += PAGE) {
      const { rows: page } = await this.#query(
        `select ${EVENT_FIELDS} from ${this.#store.tables.eventsOf(partition)}
          where partition = ${partition} and position > $1 and position <= $2 order by position`,
        [at, Math.min(at + PAGE, upTo)],
      );
      this.#events += page.length;
      for (const row of page as EventRow[]) this.#take(toEvent(row), jobs, rows);
    }
    return rows;
  }

  #take(event: RecordedEvent, jobs: Map<string, JobSoFar>, rows: Map<string, Row>): void {
    if (event.position >= (this.#parked.get(event.streamId) ?? Infinity)) return;
    const job = advance(jobs.get(event.streamId), event);
    jobs.set(event.streamId, job);
    if (!this.#projection.hears(event.type)) return;
    for (const key of this.#projection.rowsOf(event, job)) {
      const text = keyText(this.#projection, key);
      const row = this.#projection.fold(rows.get(text), event, job, key);
      if (row === undefined) rows.delete(text);
      else rows.set(text, row);
    }
  }

  async #compare(wanted: ReadonlyMap<string, Row>): Promise<void> {
    const all = [...wanted.values()];
    const build = { tableName: this.#tableName, projection: this.#projection };
    for (let at = 0; at < all.length; at += PAGE) {
      const page = all.slice(at, at + PAGE);
      const found = await loadRows(this.#store, build, page, this.#query);
      const there = new Map(found.map((row) => [keyText(this.#projection, row), row]));
      this.#rows += found.length;
      for (const row of page)
        this.#tell(differenceOf(this.#projection, row, there.get(keyText(this.#projection, row))));
    }
  }

  async #count(): Promise<number> {
    const { rows } = await this.#query(`select count(*)::float8 as count from ${this.#table()}`);
    return (rows[0] as { count: number }).count;
  }

  async #findExtra(wanted: ReadonlyMap<string, Row>, partition?: number): Promise<void> {
    const { columns, key, job } = this.#projection;
    const ofPartition =
      partition === undefined
        ? ''
        : `where get_byte(uuid_send(${quote(job!)}), 15) % ${this.#store.partitions} = ${partition}`;
    const keys = Object.fromEntries(key.map((name) => [name, columns[name]!]));
    const { rows } = await this.#query(
      `select ${selectList(keys)} from ${this.#table()} ${ofPartition}`,
    );
    for (const row of rows as Row[])
      if (!wanted.has(keyText(this.#projection, row)))
        this.#tell({ key: row, what: 'extra', columns: {} });
  }

  #table(): string {
    return tableOf(this.#store, { tableName: this.#tableName });
  }

  #tell(difference: RowDifference | undefined): void {
    if (difference === undefined) return;
    this.#differing += 1;
    if (this.#differences.length < MAX_TOLD) this.#differences.push(difference);
  }
}

interface Described {
  readonly table_name: string;
  readonly checkpoints: readonly number[];
  readonly parked: Readonly<Record<string, number>>;
}
