import { readTexts } from '../kafka/read-texts.js';
import type { Store } from '../ledger/store.js';
import type { Gap } from './judge.js';
import type { Item } from './source.js';

/** Events read at a time. */
const PAGE = 1_000;

/** The first events of a gap, from the ledger; undefined if it cannot be filled from there. */
export type BackFill = (
  partition: number,
  gap: Gap,
  epoch: number | null,
) => Promise<readonly Item[] | undefined>;

/** Fills gaps from a ledger. In another epoch it may hold other events at those positions. */
export function backFillFrom(store: Store | undefined): BackFill {
  if (store === undefined) return () => Promise.resolve(undefined);
  return async (partition, { from, to }, wanted) => {
    const limit = Math.min(PAGE, to - from + 1);
    const { events, epoch } = await readTexts(store, partition, from, limit);
    if (epoch === undefined || (wanted !== null && epoch !== wanted)) return undefined;
    const origin = { ledgerId: store.ledgerId, epoch };
    return events.map((event) => ({ origin, event }));
  };
}
