import type pg from 'pg';
import type { ClaimedRow } from '../../src/ledger/claim/fetch-statement.js';
import type { Store } from '../../src/ledger/store.js';

/** Jobs of one batch. */
export const BATCH = 100;

/**
 * Blocks that may be read to find a batch in line: a way down the index, its leaves and the pages of
 * the rows; 3 to 49 were measured, and 368 where 20,000 dead rows are passed over.
 */
export const SEARCH_BLOCKS = 80;

/** What the steps work on; each leaves there what the next needs. */
export interface Bench {
  readonly store: Store;
  /** For what no step is about. */
  readonly client: pg.Client;
  /** A live worker. */
  readonly worker: number;
  /** How far a worker that has been at it for a while has got in the line. */
  readonly seq: number;
  readonly inboxId: number;
  claimed: readonly ClaimedRow[];
}

/** One thing that the ledger does all the time. */
export interface HotStep {
  readonly title: string;
  /** Rows that it deals with, in every state. */
  readonly rows: number;
  /** Most blocks that all of its statements may touch, one and a half times what was measured. */
  readonly blocks: number;
  /** Most blocks of `ready` that may be read to find its rows, if not `SEARCH_BLOCKS`. */
  readonly searched?: number;
  /** How many columns of `leases_pkey` every look-up of leases is bound by, if not one. */
  readonly boundBy?: number;
  /** Gives the number of rows that it dealt with. */
  readonly run: (bench: Bench) => Promise<number>;
}

/** A bench on what is there now. */
export async function newBench(store: Store, client: pg.Client): Promise<Bench> {
  const { rows } = await client.query<{ worker: number; seq: string; inbox: string }>(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms)
      values ('here', 1, '1', '{}', '{}', 60000) returning id as worker,
        coalesce((select min(seq) from jobledger.ready), nextval('jobledger.ready_seq')) - 1 as seq,
        (select case when is_called then last_value else 0 end from jobledger.inbox_id_seq) as inbox`,
  );
  const { worker, seq, inbox } = rows[0]!;
  return { store, client, worker, seq: Number(seq), inboxId: Number(inbox), claimed: [] };
}
