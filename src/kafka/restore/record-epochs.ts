import type { Store } from '../../ledger/store.js';
import type { Source } from './source.js';
import type { EpochRun, Survey } from './survey.js';

/** Writes down where epochs begin by the topic, and moves the ledger on to the newest. */
export async function recordEpochs(store: Store, source: Source, survey: Survey): Promise<void> {
  for (const [partition, { runs }] of survey.partitions.entries())
    await recordRuns(store, source, partition, runs);
}

/** Those of one partition; the first epoch begins everywhere at the first position. */
export async function recordRuns(
  store: Store,
  { topic }: Source,
  partition: number,
  runs: readonly EpochRun[],
): Promise<void> {
  const later = runs.filter(({ epoch }) => epoch > 1);
  if (later.length === 0) return;
  const { epochs, ledger } = store.tables;
  await store.database.pool.query({
    text: `with newest as (update ${ledger} set epoch = greatest(epoch, (select max(e) from unnest($1::int[]) e)))
      insert into ${epochs}(epoch, partition, start, actor, reason)
      select epoch, $3, start, 'jobledger', 'read from topic ' || $4::text
      from unnest($1::int[], $2::bigint[]) r(epoch, start) on conflict do nothing`,
    values: [later.map(({ epoch }) => epoch), later.map(({ start }) => start), partition, topic],
  });
}
