import type { Repair } from '../../api-repair.js';
import { tally } from '../query/tally.js';
import { repair } from '../repair/repair.js';
import type { Store } from '../store.js';
import { becomePrimary, type Why } from './become-mirror.js';

/**
 * Makes a mirror the primary: its tallies and dispatch tables are made from its log, proven, and only
 * then is it written to. Broken off, it is still a mirror, and the same call goes on. Throws
 * `LEDGER_RUNNING` while a worker is alive.
 */
export async function promote(store: Store, why: Why): Promise<Repair> {
  await tally(store);
  const done = await repair(store);
  await becomePrimary(store, why);
  return done;
}
