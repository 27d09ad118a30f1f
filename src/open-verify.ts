import type { Verification } from './api-views.js';
import { checkLedger } from './checker/check-ledger.js';
import { snapshot } from './database.js';
import type { Store } from './ledger/store.js';
import { verify } from './ledger/verify.js';

/** The ledger's own proof and, if asked for, the checker's, each on a snapshot of its own. */
export async function verifyLedger(
  store: Store,
  schema: string,
  { deep = false }: { readonly deep?: boolean } = {},
): Promise<Verification> {
  const own = await verify(store);
  if (!deep) return own;
  const { findings } = await snapshot(store.database, (query) =>
    checkLedger(async (text) => (await query(text)).rows, { schema }),
  );
  return { ...own, verified: own.verified && findings.length === 0, findings };
}
