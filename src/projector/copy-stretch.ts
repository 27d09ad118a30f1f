import { once } from 'node:events';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { begin, endClient, sessionConfig } from '../database.js';
import { quote } from '../ledger/tables.js';
import { lockPartition, type Store } from '../ledger/store.js';
import type { Row } from '../api-projector.js';
import { copyLock, type Build } from './builds.js';
import { tableOf } from './projection-tables.js';
import { copyLine } from './row-values.js';
import { writeStretch, type Changes, type Move } from './write-stretch.js';

/** From so many new rows on, COPY is worth a connection and a transaction of its own. */
const COPY_FROM = 2_000;
/** Characters sent at a time. */
const CHUNK = 65_536;

/** Writes what a stretch changed, in the way that suits how much it is. See `writeStretch`. */
export async function write(
  store: Store,
  build: Build,
  move: Move,
  changes: Changes,
): Promise<boolean> {
  if (changes.fresh.length < COPY_FROM) return writeStretch(store, build, move, changes);
  const { config, pooler } = store.database;
  // The pool's connections are pipelined, which COPY cannot be.
  const client = new pg.Client(sessionConfig(config, pooler));
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(begin(store.database));
    const { text, values } = lockPartition(store, copyLock(build.id));
    await client.query(text, values);
    const rest = { ...changes, fresh: [] };
    const moved = await writeStretch(store, build, move, rest, client);
    if (moved) await copyRows(store, client, build, changes.fresh);
    await client.query(moved ? 'commit' : 'rollback');
    return moved;
  } finally {
    await endClient(client);
  }
}

async function copyRows(
  store: Store,
  client: pg.Client,
  build: Build,
  rows: readonly Row[],
): Promise<void> {
  const columns = Object.entries(build.projection.columns);
  const names = columns.map(([name]) => quote(name)).join(', ');
  const stream = client.query(copyFrom(`copy ${tableOf(store, build)}(${names}) from stdin`));
  const done = once(stream, 'finish');
  // What fails while lines are being written is told by `done`.
  done.catch(() => {});
  let chunk = '';
  for (const row of rows) {
    chunk += copyLine(columns, row);
    if (chunk.length < CHUNK) continue;
    if (!stream.write(chunk)) await Promise.race([once(stream, 'drain'), done]);
    chunk = '';
  }
  stream.end(chunk);
  await done;
}
