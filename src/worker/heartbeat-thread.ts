import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { identityAsker } from './heartbeat-identity.js';
import type { ThreadData, ToMain, ToThread } from './heartbeat-messages.js';

/**
 * Runs in a thread of its own, with a connection of its own, so that a handler that blocks the main
 * loop does not lose its lease. It keeps the worker's row beating; it gives up leadership when the
 * main loop has not answered for 2 s; it stops beating when the loop has stood still too long.
 */
const { config, statements, worker, heartbeatMs, stallLimitMs, mainTick, identityPort } =
  workerData as ThreadData;
const port = parentPort!;
const LEADER_SILENCE_MS = 2_000;
const LOOP_MS = Math.min(500, heartbeatMs);
const checkServerIdentity =
  identityPort && identityAsker(identityPort, (asked) => say({ type: 'identity', ...asked }));

let client: pg.Client | undefined;
let password: string | undefined;
let waiting: ((password: string | undefined) => void) | undefined;
let lastBeat = Number.NEGATIVE_INFINITY;
let stopped = false;

port.on('message', (message: ToThread) => {
  if (message.type === 'password') {
    password = message.password ?? password;
    waiting?.(password);
  } else {
    void end();
  }
});

void loop();

async function loop(): Promise<void> {
  while (!stopped) {
    const silentMs = Number(process.hrtime.bigint() - Atomics.load(mainTick, 0)) / 1e6;
    if (silentMs > stallLimitMs) return say({ type: 'stalled', silentMs });
    try {
      await tick(silentMs);
    } catch (error) {
      say({ type: 'trouble', message: (error as Error).message });
      await drop();
    }
    await new Promise((resolve) => setTimeout(resolve, LOOP_MS));
  }
}

/** Says goodbye to the server, then ends the thread, whatever its loop is waiting for. */
async function end(): Promise<void> {
  stopped = true;
  await client?.end().catch(() => {});
  process.exit(0);
}

async function tick(silentMs: number): Promise<void> {
  client ??= await connect();
  const leads = silentMs < LEADER_SILENCE_MS;
  await client.query(leads ? statements.renewLeadership : statements.endLeadership, [worker]);
  // A turn early rather than late: cancels and leases are promised by the heartbeat.
  if (performance.now() - lastBeat < heartbeatMs - LOOP_MS) return;
  const began = performance.now();
  const result = await client.query(statements.beat, [worker]);
  if (result.rowCount === 0) {
    stopped = true;
    return say({ type: 'lost' });
  }
  lastBeat = began;
  say({ type: 'beat' });
}

async function connect(): Promise<pg.Client> {
  const fresh = new pg.Client({
    ...config,
    ...(await credentials()),
    ...(checkServerIdentity && { ssl: { ...(config.ssl as object), checkServerIdentity } }),
    connectionTimeoutMillis: 5_000,
  });
  // The next query fails and the loop connects again; unheard, the error would end the thread.
  fresh.on('error', () => {});
  await fresh.connect();
  return fresh;
}

/** A password function lives on the main thread; if that is blocked, the last password must do. */
async function credentials(): Promise<{ password?: string }> {
  if (config.password !== undefined || !(workerData as ThreadData).asksPassword) return {};
  const answer = await new Promise<string | undefined>((resolve) => {
    waiting = resolve;
    say({ type: 'password' });
    setTimeout(() => resolve(password), 2_000);
  });
  return answer === undefined ? {} : { password: answer };
}

async function drop(): Promise<void> {
  const broken = client;
  client = undefined;
  await broken?.end().catch(() => {});
}

function say(message: ToMain): void {
  if (!stopped || message.type === 'lost') port.postMessage(message);
}
