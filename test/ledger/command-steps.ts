import { claimStatement } from '../../src/ledger/claim/claim-statement.js';
import { execute, type Order } from '../../src/ledger/outcome/execute.js';
import { lookUp } from '../../src/ledger/query/look-up.js';
import { moveInbox, moveJobs } from '../../src/ledger/inbox/move-inbox.js';
import { refuseSetAside } from '../../src/ledger/inbox/set-aside.js';
import type { Store } from '../../src/ledger/store.js';
import { appendKeyed, holderOf } from '../../src/ledger/keys/unique-keys.js';
import { newJobId } from '../../src/ledger/ids.js';
import { reconcile } from '../../src/worker/reconcile.js';
import { BATCH, newBench, type Bench, type HotStep } from './hot-step.js';
import { enqueue, jobs, keyed, run, stretch } from './hot-jobs.js';
import { LINE } from './plan-states.js';

const { partition, queue, kind } = LINE;
const BY = { actor: 'somebody', reason: 'no need' } as const;

/** What is done all the time to jobs that are there already; each makes the jobs that it is about. */
export const COMMAND_STEPS: readonly HotStep[] = [
  {
    title: 'ask for keys that are taken',
    rows: BATCH,
    blocks: 5_700,
    run: async ({ store }) => {
      const first = keyed(store);
      await appendKeyed(store, partition, first);
      const again = first.map((job) => ({ ...job, id: newJobId(partition, store.partitions) }));
      const { ids } = await appendKeyed(store, partition, again);
      const holders = await Promise.all(again.map((job) => holderOf(store, job)));
      return holders.filter((id, n) => id === first[n]!.id).length - ids.length;
    },
  },
  {
    title: 'note duplicates',
    rows: 2 * BATCH,
    blocks: 10_900,
    searched: 750,
    run: noteDuplicates,
  },
  {
    title: 'find and move one job of the inbox',
    rows: 1,
    blocks: 60,
    run: async ({ store, client }) => {
      const id = newJobId(partition, store.partitions);
      await client.query(
        `insert into jobledger.inbox(job_id, kind, payload) values ($1, $2, '{}')`,
        [id, kind],
      );
      const before = await lookUp(store, id);
      // As for an id that nobody knows: it may have been set aside.
      await refuseSetAside(store, id);
      await moveJobs(store, [id]);
      return (await lookUp(store, id))!.version - before!.version;
    },
  },
  {
    title: 'cancel jobs that wait',
    rows: 2 * BATCH,
    blocks: 6_400,
    searched: 700,
    run: async ({ store }) => {
      const ids = await enqueueNowAndLater(store);
      return ordered(store, ids, () => ({ type: 'CancelJob', ...BY }));
    },
  },
  { title: 'report progress', rows: BATCH, blocks: 6_500, boundBy: 3, run: reportProgress },
  { title: 'give back what nobody knows of', rows: BATCH, blocks: 6_800, run: giveBack },
];

/** Jobs that stand in line, and as many that wait for their time. */
async function enqueueNowAndLater(store: Store): Promise<string[]> {
  const batches = [jobs(store), jobs(store, 3_600_000)];
  for (const batch of batches) await enqueue(store, batch);
  return batches.flat().map(({ id }) => id);
}

async function noteDuplicates({ store, client, inboxId }: Bench): Promise<number> {
  const ids = await enqueueNowAndLater(store);
  await client.query(
    `insert into jobledger.inbox(sort, job_id, actor) select 'duplicate', id, 'somebody' from unnest($1::uuid[]) id`,
    [ids],
  );
  await moveInbox(store, inboxId, true);
  const { rows } = await client.query(
    `select from jobledger.events where partition = $1 and stream_id = any($2) and type = 'JobDeduplicated'`,
    [partition, ids],
  );
  return rows.length;
}

/** How many of the jobs took the command. */
async function ordered(
  store: Store,
  ids: readonly string[],
  command: () => Order['command'],
): Promise<number> {
  const orders = ids.map((jobId) => ({ jobId, command: command() }));
  const executions = await execute(store, partition, orders);
  return executions.filter((one) => 'events' in one).length;
}

async function reportProgress({ store, client }: Bench): Promise<number> {
  const { worker, ids } = await claimed(store, client);
  const command = { type: 'ReportProgress', attempt: 1, worker, fraction: 0.5 } as const;
  return ordered(store, ids, () => command);
}

async function giveBack({ store, client }: Bench): Promise<number> {
  const { worker } = await claimed(store, client);
  await reconcile(store, { worker, held: new Map(), inFlight: new Set() });
  const { rows } = await client.query('select from jobledger.leases where worker = $1', [worker]);
  return BATCH - rows.length;
}

/** New jobs, claimed by a worker of their own. */
async function claimed(store: Store, client: Bench['client']) {
  const { worker, seq } = await newBench(store, client);
  const { rows } = await client.query<{ seq: string }>(
    'select last_value as seq from jobledger.ready_seq',
  );
  await enqueue(store, jobs(store));
  const claim = {
    ...{ worker, queue, claim: 1, stretches: [stretch(Math.max(seq, Number(rows[0]!.seq)))] },
    ...{ free: BATCH, limit: BATCH, quarantine: true },
  };
  await run(store, claimStatement(store, partition, claim));
  const leases = await client.query<{ id: string }>(
    'select job_id as id from jobledger.leases where worker = $1',
    [worker],
  );
  return { worker, ids: leases.rows.map(({ id }) => id) };
}
