import { LedgerError } from '../errors.js';
import { snapshot } from '../database.js';
import type { JsonObject } from '../job/json.js';
import { integerProblem } from '../job/limits.js';
import type { Store } from '../ledger/store.js';
import { viewOf } from './projection-tables.js';

const MOST = 1_000;

/** Rows of the view that readers use. */
export async function readViewRows(
  store: Store,
  name: string,
  limit = 20,
): Promise<readonly JsonObject[]> {
  const problem = integerProblem('limit', limit, 1, MOST);
  if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
  const { projections } = store.tables;
  return snapshot(store.database, async (query) => {
    const live = await query(`select from ${projections} where name = $1 and state = 'live'`, [
      name,
    ]);
    if (live.rowCount === 0)
      throw new LedgerError('PROJECTION_NOT_FOUND', `no projection ${name} is served`);
    const { rows } = await query(
      `select to_json(shown) as row from ${viewOf(store, name)} shown limit $1`,
      [limit],
    );
    return (rows as { row: JsonObject }[]).map(({ row }) => row);
  });
}
