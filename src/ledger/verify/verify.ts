import type { Difference, Verification } from '../../api-views.js';
import { snapshot } from '../../database.js';
import { PLACES, partitionOfId, readDispatch } from './dispatch-rows.js';
import { PartitionFold, type Query } from './fold-partition.js';
import { lateSequences } from './sequences.js';
import { clock, iso, type Store } from '../store.js';
import { readTallies } from './tally-check.js';
import { compareDispatch } from './verify-dispatch.js';
import { WorkersSeen } from './workers-seen.js';

/** Differences told; the rest are only counted. */
const MAX_TOLD = 1_000;

/**
 * Proves, on one snapshot, that positions are dense in every partition, that times never step back,
 * that every stream folds, and that the dispatch tables and the tallies say what the fold says. Names
 * what differs. Memory holds the jobs of one partition at a time. A mirror has no dispatch tables.
 */
export async function verify(
  store: Store,
  { dispatch = true }: { readonly dispatch?: boolean } = {},
): Promise<Verification> {
  return snapshot(store.database, async (query) => {
    const differences: Difference[] = [];
    const now = await readNow(store, query);
    const workers = new WorkersSeen();
    let events = 0;
    let jobs = 0;
    for (let partition = 0; partition < store.partitions; partition++) {
      const tallies = await readTallies(store, query, partition);
      const fold = new PartitionFold(store, partition, [workers, tallies]);
      await fold.read(query);
      // One by one: so many arguments as a truncated table makes no call can take.
      for (const one of fold.differences) differences.push(one);
      if (dispatch) {
        const rows = await readDispatch(store, query, partition, workers.holding(fold.states));
        for (const one of compareDispatch(partition, fold, rows, now)) differences.push(one);
      }
      for (const text of tallies.wrong().values())
        differences.push({ where: 'tallies', partition, jobId: null, text });
      events += fold.head;
      jobs += fold.states.size;
    }
    if (dispatch) differences.push(...(await compareRest(store, query, workers)));
    const notes = await readSetAside(store, query);
    return {
      verified: differences.length === 0,
      events,
      jobs,
      differences: differences.slice(0, MAX_TOLD),
      notes,
    };
  });
}

/** What is of no partition. */
async function compareRest(
  store: Store,
  query: Query,
  workers: WorkersSeen,
): Promise<readonly Difference[]> {
  const late = await lateSequences(store, query, workers.last);
  return [
    ...(await readMisplaced(store, query)),
    ...late.map(({ text, name }) => ({ where: WHERE[name], partition: null, jobId: null, text })),
  ];
}

const WHERE = { ready_seq: 'ready', workers: 'workers' } as const;

/** Now, by the ledger's clock. */
export async function readNow(store: Store, query: Query): Promise<string> {
  const { rows } = await query(`select ${iso(clock('$1'))} as now`, [store.clockShiftMs()]);
  return (rows[0] as { now: string }).now;
}

/** Rows of partitions that the ledger does not have: those of others are strays where they stand. */
async function readMisplaced(store: Store, query: Query): Promise<Difference[]> {
  const parts = PLACES.map(
    (
      table,
    ) => `select '${table}' as place, partition, job_id, ${partitionOfId('job_id', '$1')} as own
      from ${store.tables[table]} where partition not between 0 and $1::int - 1`,
  );
  const { rows } = await query(`${parts.join(' union all ')} limit ${MAX_TOLD}`, [
    store.partitions,
  ]);
  return (rows as { place: string; partition: number; job_id: string; own: number }[]).map(
    ({ place, partition, job_id: jobId, own }) => {
      const text = `${place} has the job in partition ${partition}, its id says ${own}`;
      return { where: 'stray', partition, jobId, text };
    },
  );
}

async function readSetAside(store: Store, query: Query): Promise<string[]> {
  const { rows } = await query(
    `select id, job_id, error from ${store.tables.inbox} where set_aside_at is not null order by id limit 100`,
  );
  return (rows as { id: number; job_id: string; error: string }[]).map(
    (row) => `inbox row ${row.id} (job ${row.job_id}) is set aside: ${row.error}`,
  );
}
