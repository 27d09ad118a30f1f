// What runs of any sort stand on: a Postgres of their own, connections past everything, and a ledger
// that a copy of the program made.
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

const pg = createRequire(import.meta.url)('pg');

/** Connections of the run's own to a database, and single statements. */
export function strangersOf(config) {
  const connect = async () => {
    const timed = { connectionTimeoutMillis: 10_000, application_name: 'chaos' };
    const client = new pg.Client({ ...config, ...timed });
    client.on('error', () => {}); // some faults end it
    await client.connect();
    return client;
  };
  const ask = async (text, values) => {
    const client = await connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  };
  return { connect, ask };
}

/** Tries until it gives something that is true; throws after the time. */
export async function until(what, look, timeoutMs = 30_000) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await pause(20);
  }
}
