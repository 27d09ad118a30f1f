/**
 * Leaves what only the topic has of a ledger that lost events and wrote others: a new epoch begins in
 * each partition behind the last event that both have. Where the ledger has written nothing else, what it
 * lost is taken back from the topic first. It never begins one where nothing has diverged.
 */
import type { EpochOptions, NewEpoch, NewEpochPartition } from '../../api-restore.js';
import { LedgerError } from '../../errors.js';
import { suspend, type Why } from '../../ledger/mirror/become-mirror.js';
import { promote } from '../../ledger/mirror/promote.js';
import type { Store } from '../../ledger/store.js';
import { readEpoch } from '../epochs.js';
import { fillLedger } from '../restore/fill.js';
import { readLast } from '../restore/open-log.js';
import type { Source } from '../restore/source.js';
import type { Survey } from '../restore/survey.js';
import { findCommon } from './find-common.js';

/** Begins the next epoch. Broken off anywhere, the ledger is a mirror, and the same call goes on. */
export async function newEpoch(
  store: Store,
  source: Source,
  survey: Survey,
  { actor, reason }: Pick<EpochOptions, 'actor' | 'reason'>,
): Promise<NewEpoch> {
  const epoch = await readEpoch(store);
  const why = { actor, reason };
  if (survey.epoch < epoch && store.role.now === 'mirror')
    return { epoch, partitions: [], repair: await promote(store, why) };
  refuseOtherEpoch(source, survey, epoch);
  const found = await compareAll(store, source, survey);
  refuseUnlessDiverged(source, found);
  await suspend(store);
  await takeBack(store, source, survey, found);
  await beginEpoch(store, epoch + 1, found, why);
  return { epoch: epoch + 1, partitions: found.map(told), repair: await promote(store, why) };
}

/** How the two logs of a partition stand to each other, by their last positions. */
interface Compared {
  readonly partition: number;
  readonly ledger: number;
  readonly topic: number;
  readonly common: number;
}

async function compareAll(store: Store, source: Source, survey: Survey): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const [partition, one] of survey.partitions.entries()) {
    const ledger = (await readLast(store, partition))?.position ?? 0;
    const topic = one.last?.position ?? 0;
    const common = await findCommon(store, source, partition, one);
    compared.push({ partition, ledger, topic, common });
  }
  return compared;
}

function isDiverged({ ledger, topic, common }: Compared): boolean {
  return common < Math.min(ledger, topic);
}

/** The ledger only lacks what the topic has. */
function isBehind({ ledger, topic, common }: Compared): boolean {
  return common === ledger && ledger < topic;
}

function refuseOtherEpoch({ topic }: Source, survey: Survey, epoch: number): void {
  if (survey.epoch === epoch) return;
  const older = `topic ${topic}: it is in epoch ${survey.epoch}, the ledger in ${epoch}: this ledger is an old copy`;
  const newer = `topic ${topic}: the ledger has begun epoch ${epoch} and published nothing of it yet; run 'jobledger relay' first`;
  if (survey.epoch > epoch) throw new LedgerError('TOPIC_DIVERGED', older);
  throw new LedgerError('NOT_DIVERGED', newer);
}

function refuseUnlessDiverged({ topic }: Source, found: readonly Compared[]): void {
  if (found.some(isDiverged)) return;
  const behind = found.find(isBehind);
  throw new LedgerError(
    'NOT_DIVERGED',
    behind === undefined
      ? `topic ${topic}: it has no event that the ledger has not`
      : `topic ${topic}: the ledger only lacks what the topic has behind ${behind.partition}/${behind.ledger}; run 'jobledger restore --from-kafka --tail'`,
  );
}

async function takeBack(
  store: Store,
  source: Source,
  survey: Survey,
  found: readonly Compared[],
): Promise<void> {
  const partitions = survey.partitions.map((one, partition) =>
    isBehind(found[partition]!) ? one : { ...one, last: undefined },
  );
  await fillLedger(store, source, { ...survey, partitions }, () => {});
}

function startOf(one: Compared): number {
  return (isDiverged(one) ? one.common : Math.max(one.ledger, isBehind(one) ? one.topic : 0)) + 1;
}

function told(one: Compared): NewEpochPartition {
  const { partition, topic, ledger, common } = one;
  const left = isDiverged(one) ? topic - common : 0;
  return { partition, start: startOf(one), left, taken: isBehind(one) ? topic - ledger : 0 };
}

/** All partitions and the ledger's own row in one statement. */
async function beginEpoch(
  store: Store,
  epoch: number,
  found: readonly Compared[],
  { actor, reason }: Why,
): Promise<void> {
  const { ledger, epochs } = store.tables;
  const { rowCount } = await store.database.pool.query({
    text: `with begun as (update ${ledger} set epoch = $1 where epoch = $1 - 1 returning epoch)
      insert into ${epochs}(epoch, partition, start, actor, reason)
      select begun.epoch, p.partition, p.start, $4, $5
      from begun cross join unnest($2::int[], $3::bigint[]) p(partition, start)`,
    values: [epoch, found.map(({ partition }) => partition), found.map(startOf), actor, reason],
  });
  if (rowCount === found.length) return;
  throw new LedgerError('CONFLICT', `epoch ${epoch} was begun by another process just now`);
}
