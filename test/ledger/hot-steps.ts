import type pg from 'pg';
import type { Statement } from '../../src/database.js';
import { claimStatement, type ClaimSummary } from '../../src/ledger/claim/claim-statement.js';
import { execute } from '../../src/ledger/outcome/execute.js';
import { existingJobs } from '../../src/ledger/enqueue/existing-jobs.js';
import {
  claimedRows,
  fetchStatement,
  type ClaimedRow,
  type FetchedLists,
} from '../../src/ledger/claim/fetch-statement.js';
import { finishStatement, type Ending } from '../../src/ledger/outcome/finish-statement.js';
import {
  loneClaimStatement,
  type LoneClaimed,
} from '../../src/ledger/claim/lone-claim-statement.js';
import { moveInbox } from '../../src/ledger/inbox/move-inbox.js';
import { peekStatement, waitingKindsStatement } from '../../src/ledger/claim/peek-statement.js';
import { readStreams } from '../../src/ledger/read.js';
import type { Store } from '../../src/ledger/store.js';
import { straysStatement } from '../../src/ledger/claim/strays.js';
import { succeedStatement } from '../../src/ledger/outcome/succeed-statement.js';
import { tally } from '../../src/ledger/query/tally.js';
import { appendKeyed } from '../../src/ledger/keys/unique-keys.js';
import { endCanceled } from '../../src/worker/maintenance/cancel-grace.js';
import { lead } from '../../src/worker/maintenance/leadership.js';
import { promoteDue } from '../../src/worker/maintenance/promote.js';
import { Reaper } from '../../src/worker/maintenance/reap.js';
import { reconcile } from '../../src/worker/reconcile.js';
import { enqueue, jobs, keyed, run, stretch } from './hot-jobs.js';
import { BATCH, type Bench, type HotStep } from './hot-step.js';
import { LINE } from './plan-states.js';

const { partition, queue, kind } = LINE;
let claims = 1_000_000;

/** One after another, from the enqueue to the end of what it brought in. */
export const HOT_STEPS: readonly HotStep[] = [
  { title: 'enqueue', rows: BATCH, blocks: 1_600, run: ({ store }) => enqueue(store, jobs(store)) },
  {
    title: 'enqueue for later',
    rows: BATCH,
    blocks: 1_500,
    run: ({ store }) => enqueue(store, jobs(store, 3_600_000)),
  },
  {
    title: 'enqueue with keys',
    rows: BATCH,
    blocks: 3_700,
    run: async ({ store }) => (await appendKeyed(store, partition, keyed(store))).ids.length,
  },
  { title: 'move the inbox', rows: BATCH, blocks: 3_500, run: moveRows },
  {
    title: 'look existing jobs up',
    rows: BATCH,
    blocks: 1_250,
    run: async ({ store, client }) => {
      const ids = await someIds(client);
      const { events } = await readStreams(store, partition, ids);
      return Math.min(events.size, (await existingJobs(store, partition, ids)).size);
    },
  },
  {
    // Several workers of the queue are live, among thousands that were.
    title: 'peek',
    rows: 1,
    blocks: 18,
    run: async ({ store, seq, worker }) => {
      const stretches = [{ ...stretch(seq), partition, queue }];
      const peek = peekStatement(store, stretches, { worker, queues: [queue], behind: 0 });
      return (await store.database.pool.query(peek)).rows.length;
    },
  },
  {
    // It begins at the start of each line, and so steps over dead rows.
    title: 'find waiting kinds',
    rows: 1,
    blocks: 600,
    searched: 600,
    run: async ({ store }) =>
      (await store.database.pool.query(waitingKindsStatement(store, [queue]))).rows.length,
  },
  {
    title: 'look for strays',
    rows: 0,
    blocks: 600,
    run: async ({ store, client }) => {
      // Where no row is a stray it reads the stretch as a whole: let this one be short.
      const { rows } = await client.query<{ seq: string }>(
        'select max(seq) - $1 as seq from jobledger.ready where partition = $2',
        [BATCH, partition],
      );
      const strays = straysStatement(store, partition, queue, [stretch(Number(rows[0]!.seq))]);
      return (await store.database.pool.query<{ rows: number }>(strays)).rows[0]!.rows;
    },
  },
  { title: 'claim one', rows: 1, blocks: 150, run: claimOne },
  { title: 'claim and fetch', rows: BATCH, boundBy: 2, blocks: 2_900, run: claimAndFetch },
  {
    title: 'succeed',
    rows: 50,
    boundBy: 3,
    blocks: 950,
    run: ({ store, worker, claimed }) => {
      const ended = claimed.slice(0, 50).map((row) => {
        return { jobId: row.job_id, attempt: row.attempt, claim: claims, ...SUCCESS };
      });
      return decided(store, succeedStatement(store, partition, worker, ended), ended.length);
    },
  },
  {
    title: 'finish otherwise',
    rows: 30,
    boundBy: 3,
    blocks: 800,
    run: ({ store, worker, claimed }) => {
      const ended = claimed.slice(50, 80).map((row, n) => ending(row, n));
      return decided(store, finishStatement(store, partition, worker, ended), ended.length);
    },
  },
  { title: 'end the canceled', rows: 10, blocks: 650, run: endTheCanceled },
  {
    title: 'lead and compare leases',
    rows: 0,
    blocks: 100,
    run: async ({ store, worker }) => {
      await lead(store, worker);
      const { gone } = await reconcile(store, {
        worker,
        held: new Map(),
        inFlight: new Set([claims]),
      });
      return gone.length;
    },
  },
  { title: 'reap', rows: 10, blocks: 1_400, run: reap },
  { title: 'promote', rows: BATCH, blocks: 10_650, run: promote },
  {
    title: 'tally',
    rows: 0,
    blocks: 2_500,
    run: async ({ store }) => {
      await tally(store);
      return 0;
    },
  },
];

/** Half of the rows ask for a key. */
async function moveRows({ store, client, inboxId }: Bench): Promise<number> {
  for (const [n, { id }] of jobs(store).entries()) {
    await client.query(
      `insert into jobledger.inbox(job_id, kind, payload, unique_key) values ($1, $2, '{}', $3)`,
      [id, kind, n % 2 === 0 ? null : id],
    );
  }
  const { moved } = await moveInbox(store, inboxId, false);
  const { rows } = await client.query('select from jobledger.inbox where id > $1', [inboxId]);
  return moved - rows.length;
}

async function someIds(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ job_id: string }>(
    `select job_id from jobledger.ready where partition = $1 order by seq limit $2`,
    [partition, BATCH],
  );
  return rows.map((row) => row.job_id);
}

async function claimAndFetch(bench: Bench): Promise<number> {
  const { store, worker, seq } = bench;
  const claim = {
    ...{ worker, queue, claim: ++claims, stretches: [stretch(seq)] },
    ...{ free: BATCH, limit: BATCH, quarantine: true },
  };
  const { rows } = await run(store, claimStatement(store, partition, claim));
  const fetch = fetchStatement(store, partition, { worker, claim: claims, kind });
  const fetched = await store.database.pool.query(fetch);
  bench.claimed = claimedRows(fetched.rows[0] as FetchedLists, kind);
  return Math.min((rows[0] as ClaimSummary).taken, bench.claimed.length);
}

async function claimOne({ store, worker, seq }: Bench): Promise<number> {
  const stretches = [stretch(seq)];
  const claim = { worker, queue, claim: ++claims, stretches, free: 1, limit: 1, quarantine: false };
  const { rows } = await run(store, loneClaimStatement(store, partition, claim));
  return (rows[0] as LoneClaimed).taken;
}

const SUCCESS = { data: '{"attempt":1}', meta: '{}', freesKey: true };

/** By turns: failed for good, waiting for its retry, back in line. */
function ending(row: ClaimedRow, n: number): Ending {
  const then = (['end', 'retrying', 'line'] as const)[n % 3]!;
  return {
    ...{ jobId: row.job_id, claim: claims, attempt: row.attempt, meta: '{}' },
    ...{ data: '{"attempt":1}', type: then === 'line' ? 'AttemptReleased' : 'AttemptFailed', then },
    ...{ counted: row.counted, losses: 0, delayMs: then === 'retrying' ? 3_600_000 : null },
    ...{ runAt: null, failure: then !== 'line', cancelKnown: false, freesKey: true },
  };
}

async function decided(store: Store, statement: Statement, count: number): Promise<number> {
  const { missed } = (await run(store, statement)).rows[0] as { missed: number[] };
  return count - missed.length;
}

async function endTheCanceled({ store, client, claimed }: Bench): Promise<number> {
  const ids = claimed.slice(80, 90).map((row) => row.job_id);
  const command = { type: 'CancelJob', actor: 'somebody', reason: 'no need' } as const;
  await execute(
    store,
    partition,
    ids.map((jobId) => ({ jobId, command })),
  );
  await endCanceled(store, 0);
  const { rows } = await client.query('select from jobledger.leases where job_id = any($1)', [ids]);
  return ids.length - rows.length;
}

/** The worker dies with what it has left. */
async function reap({ store, client, worker }: Bench): Promise<number> {
  await client.query('update jobledger.workers set dead_at = clock_timestamp() where id = $1', [
    worker,
  ]);
  await new Reaper(store, () => undefined).pass();
  const { rows } = await client.query('select from jobledger.leases where worker = $1', [worker]);
  return 10 - rows.length;
}

/** What was enqueued for later is due now. */
async function promote({ store, client }: Bench): Promise<number> {
  await client.query(`update jobledger.scheduled set run_at = clock_timestamp()
    where run_at > clock_timestamp()`);
  const count = 'select count(*)::int as count from jobledger.scheduled';
  const before = (await client.query<{ count: number }>(count)).rows[0]!.count;
  await promoteDue(store);
  const after = (await client.query<{ count: number }>(count)).rows[0]!.count;
  return Math.min(BATCH, before - after);
}
