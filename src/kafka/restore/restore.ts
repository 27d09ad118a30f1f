import type { RestoreProgress, Restored } from '../../api-restore.js';
import { promote } from '../../ledger/mirror/promote.js';
import { readHeads } from '../../ledger/heads.js';
import type { Store } from '../../ledger/store.js';
import { fillLedger } from './fill.js';
import { Pace } from './pace.js';
import { recordEpochs } from './record-epochs.js';
import type { Source } from './source.js';
import type { Survey } from './survey.js';

/**
 * Fills a mirror up to the end of its topic and makes it the primary. Broken off anywhere, it is a
 * mirror still, and the same call goes on.
 */
export async function restore(
  store: Store,
  source: Source,
  survey: Survey,
  onProgress?: (progress: RestoreProgress) => void,
): Promise<Restored> {
  const before = await countEvents(store);
  const of = survey.partitions.reduce((sum, { last }) => sum + (last?.position ?? 0), 0);
  const pace = new Pace(before, Math.max(before, of), onProgress);
  await fillLedger(store, source, survey, (events) => pace.took(events));
  await recordEpochs(store, source, survey);
  const repair = await promote(store, {
    actor: 'jobledger',
    reason: `restored from topic ${source.topic}`,
  });
  const { ledgerId, epoch } = survey;
  const events = await countEvents(store);
  return { ledgerId, epoch, partitions: store.partitions, events, taken: events - before, repair };
}

async function countEvents(store: Store): Promise<number> {
  return [...(await readHeads(store)).values()].reduce((sum, head) => sum + head, 0);
}
