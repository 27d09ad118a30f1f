import { AsyncResource } from 'node:async_hooks';
import pg from 'pg';
import { LedgerError } from './errors.js';
import { Lane, laneFor } from './lane.js';
import { cut, socketOf } from './socket.js';
import { isConnectionError } from './sql-errors.js';

/** A statement for the hot path. With a name it is prepared once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
  /** Rows as lists of values, which costs much less than objects where they are many. */
  readonly rowMode?: 'array';
}

export interface Database {
  readonly pool: pg.Pool;
  /** Connections that the hot path's transactions share. */
  readonly lanes: readonly Lane[];
  /** Connections of the pool that have not ended. */
  readonly open: ReadonlySet<pg.ClientBase>;
  readonly config: pg.ClientConfig;
  /** True behind a transaction pooler: no names, no session state. */
  readonly pooler: boolean;
}

/**
 * Planner settings of every connection: dispatch tables are empty one second and full of dead rows
 * the next, so no plan may depend on their statistics. Reports switch these off for themselves.
 */
export const SESSION_SETTINGS = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  lock_timeout: '2s',
  idle_in_transaction_session_timeout: '2s',
  timezone: 'UTC',
} as const;

/** Opens the pool; nothing connects before the first query. */
export function createDatabase(
  config: pg.ClientConfig,
  options: { readonly pooler: boolean; readonly maxConnections: number },
): Database {
  // LISTEN, the heartbeat and the embedded server's handle have a connection each.
  const max = Math.max(2, options.maxConnections - 3);
  const pool = new pg.Pool({
    ...sessionConfig(config, options.pooler),
    max,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: 10_000,
    pipeline: true,
  } as pg.PoolConfig);
  bindWaiting(pool);
  // An idle connection that breaks is replaced at the next query; unheard, it would end the process.
  pool.on('error', () => {});
  const open = new Set<pg.ClientBase>();
  pool.on('connect', (client) => {
    open.add(client);
    client.on('error', () => {}).once('end', () => open.delete(client));
  });
  const count = Math.max(1, Math.min(LANES, max - 2));
  const lanes = Array.from({ length: count }, () => new Lane(pool));
  return { pool, lanes, open, config, pooler: options.pooler };
}

/**
 * Who waits for a connection is called by whoever gives one back, and what follows would count as part
 * of the latter's trace: each is bound to where it came from.
 */
function bindWaiting(pool: pg.Pool): void {
  type Connect = (callback?: (...answer: unknown[]) => void) => unknown;
  const connect = pool.connect.bind(pool) as Connect;
  const bound: Connect = (callback) => connect(callback && AsyncResource.bind(callback));
  pool.connect = bound as typeof pool.connect;
}

/** As many as keep Postgres busy while answers are on their way. Two connections stay for the rest. */
const LANES = 3;

/** How long a server may take to answer for what is under way, and to say goodbye. */
const GOODBYE_MS = 2_000;

/**
 * Ends every connection, once what is under way has been answered. A server that has gone silent
 * keeps nobody: its connections are cut.
 */
export async function endDatabase({ pool, lanes, open }: Database): Promise<void> {
  for (const lane of lanes) lane.end();
  // Behind the end of the pool too, which does not wait for the goodbyes: they keep the process.
  setTimeout(() => open.forEach(cut), GOODBYE_MS).unref();
  await pool.end();
}

/** The same for one connection of its own. */
export async function endClient(client: pg.Client): Promise<void> {
  const patience = setTimeout(() => cut(client), GOODBYE_MS);
  await client.end().catch(() => {});
  clearTimeout(patience);
}

/** The configuration of one connection of ours: the user's, with our settings and parsers. */
export function sessionConfig(config: pg.ClientConfig, pooler: boolean): pg.ClientConfig {
  const settings = Object.entries(SESSION_SETTINGS).map(([name, value]) => `-c ${name}=${value}`);
  const { given, ...rest } = optionsOf(config);
  return {
    application_name: 'jobledger',
    keepAlive: true,
    ...rest,
    ...(pooler ? config : { options: [...given, ...settings].join(' ') }),
    types: PARSERS,
  };
}

/** Takes startup options out of a URL, where they would win over those set beside it. */
function optionsOf(config: pg.ClientConfig): pg.ClientConfig & { readonly given: string[] } {
  const beside = config.options === undefined ? [] : [config.options];
  const [address, query] = config.connectionString?.split(/\?(.*)/s) ?? [];
  if (address === undefined || query === undefined) return { ...config, given: beside };
  const parameters = new URLSearchParams(query);
  const within = parameters.getAll('options');
  parameters.delete('options');
  return {
    ...config,
    connectionString: `${address}?${parameters.toString()}`,
    given: [...beside, ...within],
  };
}

/** `begin`, with the session's settings made local where a pooler shares sessions. */
export function begin(database: Database): string {
  const start = 'begin isolation level read committed';
  if (!database.pooler) return start;
  const local = Object.entries(SESSION_SETTINGS).map(
    ([name, value]) => `set local ${name} = '${value}'`,
  );
  return [start, ...local].join('; ');
}

/** What goes out behind the commit, in the same round trip. */
export interface Behind {
  /** Statements whose results are wanted. */
  readonly after?: readonly Statement[];
  /** Statements that nobody waits for, and whose errors are ignored. */
  readonly trailing?: readonly Statement[];
}

/**
 * Sends all statements in one round trip, between begin and commit, then those of `after`, and
 * gives all their results. Either everything is committed or it throws. For work that may have to wait.
 */
export async function transact(
  database: Database,
  statements: readonly Statement[],
  behind: Behind = {},
): Promise<pg.QueryResult[]> {
  return onPool(database, (client) => send(database, client, statements, behind));
}

async function onPool<T>(
  { pool }: Database,
  use: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await use(client);
  } catch (error) {
    if (isConnectionError(error)) broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The same for one partition, on a lane that it shares: nothing in it may wait for a lock. */
export function transactOnLane(
  database: Database,
  partition: number,
  statements: readonly Statement[],
  behind: Behind = {},
): Promise<pg.QueryResult[]> {
  const use = (client: pg.PoolClient) => send(database, client, statements, behind);
  // A pooler has connections of its own behind each of ours.
  if (database.pooler) return onPool(database, use);
  return laneFor(database.lanes, partition).use(partition, use);
}

/** Gives the results of the statements and of `after`. */
async function send(
  database: Database,
  client: pg.PoolClient,
  statements: readonly Statement[],
  { after = [], trailing = [] }: Behind,
): Promise<pg.QueryResult[]> {
  const query = ({ name, ...rest }: Statement) =>
    client.query(database.pooler || name === undefined ? rest : { name, ...rest });
  const stream = socketOf(client);
  // Together in one write: the server need not wake for each.
  stream?.cork();
  const sent = [
    client.query(begin(database)),
    ...statements.map(query),
    client.query('commit'),
    ...after.map(query),
  ];
  for (const statement of trailing) query(statement).catch(() => {});
  stream?.uncork();
  const settled = await Promise.allSettled(sent);
  const failedAt = settled.findIndex((one) => one.status === 'rejected');
  const failure = (settled[failedAt] as PromiseRejectedResult | undefined)?.reason as unknown;
  if (failure !== undefined) throw withStatement(failure, failedAt - 1);
  const results = settled.map((one) => (one as PromiseFulfilledResult<pg.QueryResult>).value);
  // A pipelined COMMIT after an error succeeds, with the tag ROLLBACK.
  const commit = results[statements.length + 1];
  if (commit?.command !== 'COMMIT')
    throw new LedgerError('INTERNAL', 'a transaction was rolled back unexpectedly');
  return [...results.slice(1, statements.length + 1), ...results.slice(statements.length + 2)];
}

/** Which statement of `transact` failed, counted from 0; undefined if it was none of them. */
export function failedStatement(error: unknown): number | undefined {
  return (error as { [FAILED]?: number } | undefined)?.[FAILED];
}

const FAILED = Symbol('failed statement');

function withStatement(error: unknown, index: number): unknown {
  return error instanceof Error ? Object.assign(error, { [FAILED]: index }) : error;
}

/** Runs a reading transaction on one snapshot, with the planner free to scan and hash. */
export async function snapshot<T>(
  database: Database,
  read: (query: (text: string, values?: unknown[]) => Promise<pg.QueryResult>) => Promise<T>,
): Promise<T> {
  return within(
    database,
    `begin isolation level repeatable read read only; set local enable_seqscan = on;
     set local enable_hashjoin = on; set local enable_mergejoin = on; set local enable_bitmapscan = on;
     set local plan_cache_mode = auto; set local timezone = 'UTC';
     set local idle_in_transaction_session_timeout = '10min'`,
    (client) => read((text, values) => client.query(text, values)),
  );
}

/**
 * Does the work between this beginning and a commit, on a connection of its own. Rolls back if it
 * throws, or if `keep` says of what it gives that it is not to be kept.
 */
export function within<T>(
  database: Database,
  beginning: string,
  work: (client: pg.PoolClient) => Promise<T>,
  keep: (made: T) => boolean = () => true,
): Promise<T> {
  return onPool(database, async (client) => {
    try {
      await client.query(beginning);
      const made = await work(client);
      await client.query(keep(made) ? 'commit' : 'rollback');
      return made;
    } catch (error) {
      if (!isConnectionError(error)) await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}

const INT8 = 20;
/** 64-bit integers as numbers: positions and counters stay far below 2^53. */
const PARSERS = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary'
      ? Number
      : (pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown),
} as unknown as pg.CustomTypesConfig;
