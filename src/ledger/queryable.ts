import type pg from 'pg';

/** Whatever runs one statement: a pool, or a connection in a transaction. */
export interface Queryable {
  query<R extends pg.QueryResultRow>(statement: {
    readonly text: string;
    readonly values?: unknown[];
  }): Promise<pg.QueryResult<R>>;
}
