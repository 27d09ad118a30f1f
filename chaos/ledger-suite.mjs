// The suite of the ledger: workers and producers, and a Postgres behind a proxy.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FAULTS } from './faults.mjs';
import { startPostgres } from './postgres.mjs';
import { copyProgram, load } from './program.mjs';
import { startProxy } from './proxy.mjs';
import { strangersOf } from './scene.mjs';
import { judge } from './verdict.mjs';

/** Short, so that many faults fit into minutes. A lease is still five heartbeats. */
const WORKER = {
  ...{ heartbeatMs: 300, leaseMs: 1_500, pollIntervalMs: 250, concurrency: 8 },
  ...{ shutdownGraceMs: 1_500, shutdownAbortMs: 500, cancelGraceMs: 1_500 },
};
const PARTITIONS = 4;
const MAX_CONNECTIONS = 60;
const DRAIN_MS = 120_000;

export const ledgerSuite = {
  faults: FAULTS,
  set: async (scene) => {
    await setLedger(scene);
    await Promise.all([
      openWorker(scene, 'worker-1'),
      // Two connections for everything: its pool is always busy.
      openWorker(scene, 'worker-2', { ledger: { maxConnections: 4 } }),
      openWorker(scene, 'worker-3', { place: { shiftMs: 7 * 60_000 } }),
      openProducer(scene, 'producer-1'),
      openProducer(scene, 'producer-2'),
    ]);
  },
  drain,
  judge,
};

/** A Postgres of the run's own behind a proxy, with the ledger and the callers' own table. */
export async function setLedger(scene, maxConnections = MAX_CONNECTIONS) {
  const program = copyProgram(scene.folder);
  const postgres = await startPostgres(program, join(scene.folder, 'data'), [
    `max_connections=${maxConnections}`,
  ]);
  scene.ends.push(postgres.kill);
  const { connect, ask } = strangersOf(postgres.config);
  const { migrateDatabase } = await load(program, 'index.js');
  await migrateDatabase({ database: postgres.url, partitions: PARTITIONS });
  await ask('create schema shop');
  await ask('create table shop.orders(job uuid primary key)');
  const proxy = await startProxy(postgres.config);
  scene.ends.unshift(proxy.close);
  Object.assign(scene, { program, postgres, proxy, connect, ask, partitions: PARTITIONS });
}

export function openWorker(scene, name, { ledger, place } = {}) {
  const options = { worker: WORKER, ledger: { logger: false, ...ledger } };
  return scene.crew.open(name, 'worker.mjs', { ...ordersOf(scene, name), ...options }, place);
}

export function openProducer(scene, name) {
  const ledger = { enqueueTimeoutMs: 3_000, maxConnections: 6 };
  const pace = { seed: scene.seed, perSecond: 12 };
  return scene.crew.open(name, 'producer.mjs', { ...ordersOf(scene, name), ...pace, ledger });
}

/** What every process of a run is told. */
export function ordersOf({ program, records, proxy }, name) {
  return { program, records, name, url: proxy.url };
}

/** No more faults, no more jobs: what is there has time to end. Gives what is left, a line each. */
export async function drain({ crew, ask, postgres }) {
  await postgres.start();
  const producers = crew.names('producer.mjs');
  await Promise.all(producers.map((name) => crew.dismiss(name, 'SIGTERM')));
  return leftAfter(async () => {
    const [{ inbox, jobs }] =
      await ask(`select (select count(*)::int from jobledger.inbox) as inbox,
      (select count(*)::int from jobledger.ready) + (select count(*)::int from jobledger.scheduled)
        + (select count(*)::int from jobledger.leases) as jobs`);
    return inbox + jobs === 0 ? [] : [`${jobs} jobs are left, and ${inbox} in the inbox`];
  });
}

/** What is left when it has become nothing, or the time for it is over. */
export async function leftAfter(look) {
  const until = performance.now() + DRAIN_MS;
  for (;;) {
    const left = await look();
    if (left.length === 0 || performance.now() > until) return left;
    await pause(200);
  }
}
