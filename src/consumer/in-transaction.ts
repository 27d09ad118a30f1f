import type { PoolClient } from 'pg';
import type { Group } from './group.js';
import { lockPlace, type Place } from './positions.js';

/** A handler that took too long may still use its connection: nobody else may get it. */
export class AbandonedError extends Error {}

/**
 * Does work while a partition's row is locked, and commits it. What a handler threw comes out as it
 * is; when the connection itself is lost, `StoreLostError` says that nobody's code failed.
 */
export async function inTransaction<T>(
  group: Group,
  partition: number,
  work: (client: PoolClient, place: Place) => Promise<T>,
): Promise<T> {
  const client = await group.database.pool.connect();
  let broken: Error | undefined;
  try {
    const place = await begin(group, client, partition);
    const made = await work(client, place);
    await commit(client);
    return made;
  } catch (error) {
    const abandoned = [error, (error as Error | undefined)?.cause].find(
      (one) => one instanceof AbandonedError,
    );
    if (abandoned !== undefined) broken = abandoned;
    else await client.query('rollback').catch((lost: Error) => (broken = lost));
    throw broken === abandoned ? error : new StoreLostError(broken!, error);
  } finally {
    client.release(broken);
  }
}

/** The connection was lost, whatever else was thrown because of it. */
export class StoreLostError extends Error {
  constructor(lost: Error, error: unknown) {
    super(lost.message, { cause: error });
  }
}

/** One round trip. A member that stands still holds the row no longer than a handler may take. */
async function begin(group: Group, client: PoolClient, partition: number): Promise<Place> {
  const idleMs = Math.min(group.timeoutMs + IDLE_MARGIN_MS, MAX_INT);
  const begun = client.query(
    `begin isolation level read committed; set local lock_timeout = '2s';
     set local idle_in_transaction_session_timeout = ${idleMs}`,
  );
  const locked = lockPlace(client, group, partition);
  const freed = client.query('set local lock_timeout to default');
  // All of them are waited for: none is left unheard, or on its way behind a rollback.
  await Promise.allSettled([begun, locked, freed]);
  await begun;
  return locked;
}

const IDLE_MARGIN_MS = 2_000;
const MAX_INT = 2_147_483_647;

/** What was done cannot be kept, and nobody knows which event is at fault: a deferred constraint, say. */
export class CommitError extends Error {}

/** A pipelined COMMIT after an error succeeds, with the tag ROLLBACK. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('commit').catch((error: Error) => {
    throw new CommitError(error.message, { cause: error });
  });
  if (command === 'COMMIT') return;
  throw new CommitError('the transaction had failed: the handler must await each of its queries');
}
