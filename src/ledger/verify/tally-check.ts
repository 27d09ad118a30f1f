import type { RecordedEvent } from '../../job/events.js';
import type { FoldWatcher, Query } from './fold-partition.js';
import type { Store } from '../store.js';
import { TOTALS } from '../query/tally.js';

type Totals = [
  enqueued: number,
  succeeded: number,
  failed: number,
  canceled: number,
  discarded: number,
];

interface TallyRow {
  readonly position: number;
  readonly queue: string;
  readonly kind: string;
  readonly totals: Totals;
}

/** The tallies of a partition, to be held against its events. */
export async function readTallies(
  store: Store,
  query: Query,
  partition: number,
): Promise<TallyCheck> {
  const { rows } = await query(
    `select position, queue, kind, array[${TOTALS}]::float8[] as totals from ${store.tables.tallies}
      where partition = $1 order by position`,
    [partition],
  );
  return new TallyCheck(rows as TallyRow[]);
}

/** Counts events while they are folded, and compares at each position that has a tally. */
export class TallyCheck implements FoldWatcher {
  readonly #tallies = new Map<number, Map<string, Totals>>();
  readonly #counts = new Map<string, Totals>();
  readonly #wrong = new Map<number, string>();
  #head = 0;

  constructor(rows: readonly TallyRow[]) {
    for (const { position, queue, kind, totals } of rows) {
      const tally = this.#tallies.get(position) ?? new Map<string, Totals>();
      this.#tallies.set(position, tally.set(nameOf(queue, kind), totals));
    }
  }

  took(event: RecordedEvent): void {
    const name = nameOf(event.queue, event.kind);
    let totals = this.#counts.get(name);
    if (totals === undefined) this.#counts.set(name, (totals = [0, 0, 0, 0, 0]));
    count(totals, event);
    this.#head = event.position;
    if (this.#tallies.has(event.position)) this.#judge(event.position);
  }

  /** Positions whose tally is not the sum of the events up to it, and why; asked for at the head. */
  wrong(): ReadonlyMap<number, string> {
    for (const position of this.#tallies.keys()) {
      if (position > this.#head)
        this.#wrong.set(position, `stands at position ${position}, the log ends at ${this.#head}`);
    }
    return this.#wrong;
  }

  #judge(position: number): void {
    const tally = this.#tallies.get(position)!;
    for (const name of new Set([...tally.keys(), ...this.#counts.keys()])) {
      const said = tally.get(name)?.join(', ') ?? NONE;
      const counted = this.#counts.get(name)?.join(', ') ?? NONE;
      if (said === counted) continue;
      const [queue, kind] = name.split('\0');
      const text = `at position ${position}, queue ${queue}, kind ${kind}: ${TOTALS} are ${said}, ${counted} by the log`;
      this.#wrong.set(position, text);
      return;
    }
  }
}

const NONE = '0, 0, 0, 0, 0';

function nameOf(queue: string, kind: string): string {
  return `${queue}\0${kind}`;
}

/** As `tally.ts` counts in SQL: events of streams that cannot be read too. */
function count(totals: Totals, { type, data }: RecordedEvent): void {
  const said = data as { decision?: { action?: unknown }; from?: unknown } | null;
  const isFailed =
    (type === 'AttemptFailed' || type === 'AttemptLost') && said?.decision?.action === 'fail';
  const isUnfailed = (type === 'JobRetried' || type === 'JobDiscarded') && said?.from === 'failed';
  if (type === 'JobEnqueued') totals[0] += 1;
  if (type === 'AttemptSucceeded') totals[1] += 1;
  if (isFailed) totals[2] += 1;
  if (isUnfailed) totals[2] -= 1;
  if (type === 'JobCanceled') totals[3] += 1;
  if (type === 'JobDiscarded') totals[4] += 1;
}
