import type { CompiledQuery } from 'kysely';
import { LedgerError } from '../errors.js';

/** Runs a statement inside the caller's transaction. */
export type Run = (
  text: string,
  values: readonly unknown[],
) => Promise<readonly Record<string, unknown>[]>;

/** How to run statements in what the caller gave: a `pg` client, or a Kysely transaction. */
export function runnerOf(transaction: unknown): Run {
  if (isKyselyTransaction(transaction)) {
    return async (text, values) => {
      // Whoever comes with a Kysely transaction has loaded it; nobody else should pay for it.
      const kysely = await import('kysely');
      return (await transaction.executeQuery(kysely.CompiledQuery.raw(text, [...values]))).rows;
    };
  }
  if (isClient(transaction)) {
    return async (text, values) => (await transaction.query(text, [...values])).rows;
  }
  throw new LedgerError(
    'BAD_INPUT',
    'transaction: expected a connected pg client or a Kysely transaction (a pool has no transaction)',
  );
}

interface KyselyTransaction {
  executeQuery(query: CompiledQuery): Promise<{ rows: Record<string, unknown>[] }>;
}

interface Client {
  query(text: string, values: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

function isKyselyTransaction(value: unknown): value is KyselyTransaction {
  const candidate = value as { isTransaction?: unknown; executeQuery?: unknown } | null;
  return candidate?.isTransaction === true && typeof candidate.executeQuery === 'function';
}

function isClient(value: unknown): value is Client {
  const candidate = value as {
    query?: unknown;
    totalCount?: unknown;
    isTransaction?: unknown;
  } | null;
  const isPool = candidate !== null && typeof candidate === 'object' && 'totalCount' in candidate;
  return typeof candidate?.query === 'function' && !isPool && candidate.isTransaction === undefined;
}
