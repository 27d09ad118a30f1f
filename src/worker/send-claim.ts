import { claimStatement, type Claim, type ClaimSummary } from '../ledger/claim/claim-statement.js';
import {
  claimedRows,
  fetchStatement,
  type ClaimedRow,
  type FetchedLists,
} from '../ledger/claim/fetch-statement.js';
import {
  loneClaimStatement,
  loneRow,
  type LoneClaimed,
} from '../ledger/claim/lone-claim-statement.js';
import type { Store } from '../ledger/store.js';
import { tryPartition } from '../ledger/try-partition.js';

/** A claim's answer and the attempts that it brought. */
export interface Claimed {
  readonly summary: ClaimSummary;
  readonly rows: readonly ClaimedRow[];
}

/** Claims, and fetches what was claimed in the same round trip. Undefined if the partition is locked. */
export async function sendClaim(
  store: Store,
  partition: number,
  claim: Claim,
): Promise<Claimed | undefined> {
  const after = [fetchClaimed(store, partition, claim)];
  const results = await tryPartition(store, partition, [claimStatement(store, partition, claim)], {
    after,
  });
  if (results === undefined) return undefined;
  const [claimed, fetched] = results;
  const summary = claimed!.rows[0] as ClaimSummary;
  return { summary, rows: claimedRows(fetched!.rows[0] as FetchedLists, kindOf(claim)) };
}

/** The same for the one job that seems to have come; a large one takes a second round trip. */
export async function sendLoneClaim(
  store: Store,
  partition: number,
  claim: Claim,
): Promise<Claimed | undefined> {
  const results = await tryPartition(store, partition, [
    loneClaimStatement(store, partition, claim),
  ]);
  if (results === undefined) return undefined;
  const summary = results[0]!.rows[0] as LoneClaimed;
  if (summary.taken === 0) return { summary, rows: [] };
  const row = loneRow(summary);
  if (row !== undefined) return { summary, rows: [row] };
  const fetched = await store.database.pool.query(fetchClaimed(store, partition, claim));
  return { summary, rows: claimedRows(fetched.rows[0] as unknown as FetchedLists, kindOf(claim)) };
}

function fetchClaimed(store: Store, partition: number, claim: Claim) {
  return fetchStatement(store, partition, { ...claim, kind: kindOf(claim) });
}

/** The kind that most of its jobs are likely to have. */
function kindOf({ stretches }: Claim): string {
  return stretches[0]!.kind;
}
