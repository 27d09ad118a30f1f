import type { PoolClient } from 'pg';
import { callHandler } from './call-handler.js';
import type { Group } from './group.js';
import { inTransaction } from './in-transaction.js';
import { judge, type Halt, type Verdict } from './judge.js';
import { insertParked, jobsParked, type Parking } from './parked.js';
import { advance, type Place } from './positions.js';
import type { Item } from './source.js';
import type { Watch } from './watch.js';

/** How long a transaction may collect effects before it commits them, in milliseconds. */
const STRETCH_MS = 200;

/** What to apply, and to what. */
export interface Stretch {
  readonly group: Group;
  readonly partition: number;
  readonly ledgerId: string;
  /** What was read last of the partition's row; the row itself decides. */
  readonly expected: Place;
  readonly items: readonly Item[];
  /** New items to apply at most. */
  readonly most: number;
  /** Of the first new item; later ones are tried for the first time. */
  readonly attempt: number;
  readonly watch: Watch;
  /** True when the one after the event in hand should wait. */
  readonly isEnding: () => boolean;
}

/** What came of it. */
export interface Applied {
  readonly place: Place;
  /** Somebody else has moved the position: nothing was applied, and the source has to go elsewhere. */
  readonly isMoved: boolean;
  /** Items that need not be looked at again. */
  readonly passed: number;
  readonly halt?: Halt;
}

/** The handler threw: nothing of the stretch was kept. */
export class HandlerFailure extends Error {
  /** The event's place among the new items. */
  readonly at: number;
  readonly item: Item;

  constructor(at: number, item: Item, cause: unknown) {
    super('the handler failed', { cause });
    this.at = at;
    this.item = item;
  }
}

/** Applies what comes next, and moves the position with it: all of it, or nothing. */
export async function applyStretch(stretch: Stretch): Promise<Applied> {
  const { group, partition, expected } = stretch;
  return inTransaction(group, partition, async (client, place) => {
    if (!isSame(place, expected)) return { place, isMoved: true, passed: 0 };
    const verdict = judge(partition, stretch.ledgerId, place, stretch.items, stretch.most);
    if (verdict.next.length === 0)
      return { place, isMoved: false, passed: verdict.passed, ...haltOf(verdict) };
    return applyNext(stretch, client, place, verdict);
  });
}

function isSame(one: Place, other: Place): boolean {
  return one.epoch === other.epoch && one.position === other.position && one.round === other.round;
}

function haltOf({ halt }: Verdict): { readonly halt?: Halt } {
  return halt === undefined ? {} : { halt };
}

async function applyNext(
  stretch: Stretch,
  client: PoolClient,
  place: Place,
  verdict: Verdict,
): Promise<Applied> {
  const { group, partition, items } = stretch;
  const { next } = verdict;
  const parked = await parkedAmong(stretch, client, place, next);
  const behind: Parking[] = [];
  const done = await runAll(stretch, client, next, ({ event }) => {
    if (!group.isWanted(event)) return true;
    if (!parked.has(event.streamId)) return false;
    behind.push({ event, error: null, attempts: 0 });
    return true;
  });
  if (behind.length > 0) await insertParked(client, group, partition, behind);
  const last = next[done - 1]!;
  const to = placeBehind(place, last, behind.length);
  await advance(client, group, partition, to);
  const isAll = done === next.length;
  const passed = isAll ? verdict.passed : items.indexOf(last) + 1;
  return { place: to, isMoved: false, passed, ...(isAll && haltOf(verdict)) };
}

/** Where a partition stands behind an item. */
export function placeBehind(place: Place, { origin, event, resumeAt }: Item, parked = 0): Place {
  return {
    epoch: origin.epoch,
    position: event.position,
    resumeAt: resumeAt ?? null,
    round: place.round,
    parked: place.parked + parked,
  };
}

async function parkedAmong(
  { group, partition }: Stretch,
  client: PoolClient,
  place: Place,
  next: readonly Item[],
): Promise<ReadonlySet<string>> {
  if (place.parked === 0) return NONE;
  const jobIds = [...new Set(next.map(({ event }) => event.streamId))];
  return jobsParked(client, group, partition, jobIds);
}

const NONE: ReadonlySet<string> = new Set();

/** Gives how many of the items are done when time is up, or the consumer ends. */
async function runAll(
  { group, attempt, watch, isEnding }: Stretch,
  client: PoolClient,
  next: readonly Item[],
  isPassedBy: (item: Item) => boolean,
): Promise<number> {
  const until = performance.now() + STRETCH_MS;
  for (const [at, item] of next.entries()) {
    if (isPassedBy(item)) continue;
    try {
      const answer = callHandler(group, item.event, client, at === 0 ? attempt : 1, watch);
      if (answer !== undefined) await answer;
      // Looking at the clock costs as much as a quick handler.
      else if ((at & 63) !== 63) continue;
    } catch (error) {
      throw new HandlerFailure(at, item, error);
    }
    if (isEnding() || performance.now() > until) return at + 1;
  }
  return next.length;
}
