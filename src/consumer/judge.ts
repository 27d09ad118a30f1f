import type { ConsumerTrouble } from '../api-consumer.js';
import type { Item, Point } from './source.js';

/** Positions that are missing, both ends included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Why nothing behind this can be applied. */
export interface Halt extends ConsumerTrouble {
  /** Where a new epoch begins. */
  readonly begins?: { readonly epoch: number; readonly position: number };
  readonly gap?: Gap;
}

/** What of the items comes next, without a hole, and what stands in the way of the rest. */
export interface Verdict {
  readonly next: readonly Item[];
  /** Items that are looked at: next ones and dropped ones. The rest comes later. */
  readonly passed: number;
  readonly halt?: Halt;
}

/**
 * Compares what a source gives with what has been seen: what is not behind it is dropped, a hole or
 * another history stops. Looks at so many new items at most.
 */
export function judge(
  partition: number,
  ledgerId: string,
  seen: Point,
  items: readonly Item[],
  most: number,
): Verdict {
  const next: Item[] = [];
  let { epoch, position } = seen;
  let passed = 0;
  for (const item of items) {
    if (next.length === most) break;
    const halt = haltAt(partition, ledgerId, epoch, position, item);
    if (halt !== undefined) return { next, passed, halt };
    passed += 1;
    if (item.origin.epoch < (epoch ?? 0) || item.event.position <= position) continue;
    epoch = item.origin.epoch;
    position = item.event.position;
    next.push(item);
  }
  return { next, passed };
}

function haltAt(
  partition: number,
  ledgerId: string,
  epoch: number | null,
  seen: number,
  { origin, event }: Item,
): Halt | undefined {
  const { position } = event;
  if (origin.ledgerId !== ledgerId)
    return {
      code: 'OTHER_LEDGER',
      message: `partition ${partition}: expected events of ledger ${ledgerId}, got one of ${origin.ledgerId}`,
    };
  if (event.partition !== partition)
    return {
      code: 'BAD_TOPIC',
      message: `partition ${partition}: got an event of the ledger's partition ${event.partition}`,
    };
  if (epoch !== null && origin.epoch > epoch)
    return {
      code: 'NEW_EPOCH',
      message: `partition ${partition}: the ledger was restored: epoch ${origin.epoch} begins at position ${position}, and epoch ${epoch} has been read up to ${seen}; undo what the events from ${position} on did, then reset() the consumer`,
      begins: { epoch: origin.epoch, position },
    };
  if (origin.epoch < (epoch ?? 0) || position <= seen + 1) return undefined;
  return {
    code: 'EVENT_GAP',
    message: `partition ${partition}: events ${seen + 1} to ${position - 1} are missing; give the consumer the ledger's database to fill the gap`,
    gap: { from: seen + 1, to: position - 1 },
  };
}
