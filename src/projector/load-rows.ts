import type { Row } from '../api-projector.js';
import { quote } from '../ledger/tables.js';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { tableOf } from './projection-tables.js';
import { arraysOf, pick, selectList, unnest } from './row-values.js';

type Query = (text: string, values: unknown[]) => Promise<{ rows: unknown[] }>;

/** The rows of these keys that stand in a build's table. */
export async function loadRows(
  store: Store,
  build: Pick<Build, 'tableName' | 'projection'>,
  keys: readonly Row[],
  query: Query = (text, values) => store.database.pool.query({ text, values }),
): Promise<readonly Row[]> {
  const { key, columns } = build.projection;
  const wanted = pick(columns, key);
  // Unnamed: a plan that was made while the table was empty would be kept.
  const { rows } = await query(
    `select found.* from ${unnest(wanted, 1, 'wanted')} cross join lateral (
      select ${selectList(columns)} from ${tableOf(store, build)} t
      where ${key.map((one) => `t.${quote(one)} = wanted.${quote(one)}`).join(' and ')} offset 0) found`,
    arraysOf(wanted, keys),
  );
  return rows as Row[];
}
