import type pg from 'pg';
import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { sqlState } from '../sql-errors.js';
import { tableOf, viewOf } from './projection-tables.js';

interface Shown {
  readonly name: string;
  readonly table_name: string;
  readonly shown: string;
}

/**
 * Points the view at a build. Where columns are only added the view stays the same one, with what
 * others have built on it; else it is dropped and made again, with the rights that it had.
 */
export async function showBuild(store: Store, client: pg.ClientBase, build: Shown): Promise<void> {
  await client.query('savepoint showing');
  try {
    await client.query(`create or replace ${definition(store, build)}`);
  } catch (error) {
    if (!cannotReplace(error)) throw error;
    await client.query('rollback to savepoint showing');
    await makeAnew(store, client, build);
  }
}

function definition(store: Store, { name, table_name: tableName, shown }: Shown): string {
  return `view ${viewOf(store, name)} as select ${shown} from ${tableOf(store, { tableName })}`;
}

/** Columns have gone, or have another name or type. */
function cannotReplace(error: unknown): boolean {
  return sqlState(error) === '42P16';
}

async function makeAnew(store: Store, client: pg.ClientBase, build: Shown): Promise<void> {
  const view = viewOf(store, build.name);
  const grants = await readGrants(client, view);
  try {
    await client.query(`drop view ${view}`);
  } catch (error) {
    if (sqlState(error) !== '2BP01') throw error;
    const { detail } = error as { readonly detail?: string };
    const why = `others are built on its view, and columns that they may use are gone: ${detail?.split('\n').join('; ') ?? ''}`;
    throw new LedgerError('BAD_CONFIG', `${why}. Drop them, then make them again`, {
      cause: error,
    });
  }
  await client.query(`create ${definition(store, build)}`);
  for (const grant of grants) await client.query(grant);
}

/** What makes the rights to a view again that others have. */
async function readGrants(client: pg.ClientBase, view: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('grant %s on %s to %s%s', privilege_type, $1::text,
        case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
        case when is_grantable then ' with grant option' else '' end) as statement
      from pg_class, lateral aclexplode(relacl) where oid = to_regclass($1) and grantee <> relowner`,
    [view],
  );
  return rows.map(({ statement }) => statement);
}
