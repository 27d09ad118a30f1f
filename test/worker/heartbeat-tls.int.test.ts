import { writeFile } from 'node:fs/promises';
import { createSecureContext, type PeerCertificate } from 'node:tls';
import type { ClientConfig } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openLedger, type LedgerOptions } from '../../src/index.js';
import { selfSigned } from '../support/certificate.js';
import { eventually } from '../support/eventually.js';
import { startChild } from '../support/processes.js';
import { startPostgres } from '../support/throwaway.js';
import { ask, inState, job, openSite, QUICK, signal, type Site } from './site.js';

/** Ends the session of the heartbeat alone; gives how many there were. */
const END_HEARTBEAT = `select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
  where application_name = 'jobledger' and query ~ 'set beat = beat|expires_at = clock'`;

async function beatOf(site: Site): Promise<number> {
  const [row] = await site.sql<{ beat: number }>('select beat::int from jobledger.workers');
  return row!.beat;
}

async function beatsOn(site: Site): Promise<void> {
  const from = await beatOf(site);
  await eventually(async () => (await beatOf(site)) > from + 2);
}

test('a check of the server’s identity holds for the heartbeat’s own connection, with its reason', async () => {
  const certificate = selfSigned();
  const server = await startPostgres({ tls: certificate });
  let refusal: Error | undefined;
  const seen: [string, PeerCertificate][] = [];
  const checkServerIdentity = (host: string, cert: PeerCertificate) => {
    seen.push([host, cert]);
    return refusal;
  };
  const ssl = { ca: certificate.cert, checkServerIdentity };
  const site = await openSite({
    url: server.url,
    ledger: { database: { ...server.overTcp, ssl } },
  });
  await site.start({ jobs: [job('kept', () => null)], leaseMs: 60_000 });
  await beatsOn(site);

  refusal = new Error('not the server that was meant');
  const before = seen.length;
  await eventually(async () => (await site.sql<{ ended: number }>(END_HEARTBEAT))[0]!.ended > 0);
  const line = await eventually(() => {
    const found = site.logged.find(({ error }) => /not the server/.test(String(error)));
    return found ?? false;
  });
  expect(line).toMatchObject({
    ...{ level: 'warn', code: 'HEARTBEAT' },
    error: 'ssl.checkServerIdentity: not the server that was meant',
  });
  expect(seen.length).toBeGreaterThan(before);
  // As `pg` gives them on the main thread.
  const [first, last] = [seen[0]!, seen.at(-1)!];
  expect(last[0]).toBe(first[0]);
  expect(last[1]).toEqual(first[1]);
  expect(Buffer.isBuffer(last[1].raw)).toBe(true);

  refusal = undefined;
  await beatsOn(site);
}, 60_000);

test('a blocked main loop lets the heartbeat connect again to the server that passed before', async () => {
  const certificate = selfSigned();
  const server = await startPostgres({ tls: certificate });
  const ssl = { ca: certificate.cert, checkServerIdentity: () => undefined };
  const site = await openSite({
    url: server.url,
    ledger: { database: { ...server.overTcp, ssl } },
  });
  await site.start({ jobs: [job('kept', () => null)], leaseMs: 60_000 });
  await beatsOn(site);
  const from = await beatOf(site);
  const ended = ask<{ ended: number }>(server.url, `select pg_sleep(0.5); ${END_HEARTBEAT}`);
  // On its way before the loop stands still.
  await eventually(async () => {
    const sleeping = `select from pg_stat_activity where query like 'select pg_sleep%' and wait_event = 'PgSleep'`;
    return (await site.sql(sleeping)).length > 0;
  });
  const blockedMs = 5_000;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs);
  const beats = (await beatOf(site)) - from;
  await ended;
  // Two seconds of patience less, and the half before its session was ended.
  expect(beats).toBeGreaterThan((blockedMs - 500 - 2_000) / QUICK.heartbeatMs / 2);
}, 60_000);

test('the heartbeat shows the client’s certificate too', async () => {
  const certificate = selfSigned();
  const server = await startPostgres({ tls: certificate, settings: ['ssl_ca_file=server.crt'] });
  const [{ hba_file }] = (await ask<{ hba_file: string }>(server.url, 'show hba_file')) as [
    { hba_file: string },
  ];
  const rules =
    'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n';
  await writeFile(hba_file, rules);
  await ask(server.url, 'select pg_reload_conf()');
  const bare = { ...server.overTcp, ssl: { ca: certificate.cert } };
  await expect(openLedger({ database: bare, logger: false })).rejects.toMatchObject({
    message: expect.stringMatching(/certificate/),
  });
  const ssl = { ca: certificate.cert, ...certificate };
  const site = await openSite({
    url: server.url,
    ledger: { database: { ...server.overTcp, ssl } },
  });
  await site.start({ jobs: [job('kept', () => null)], leaseMs: 60_000 });
  await beatsOn(site);
  expect(site.logged.filter(({ code }) => code === 'HEARTBEAT')).toEqual([]);
}, 60_000);

const UNFIT: readonly (readonly [string, object, string])[] = [
  [
    'ssl.secureContext',
    { ssl: { secureContext: createSecureContext() } },
    'ca, cert and key, from which it is made',
  ],
  ['ssl.pskCallback', { ssl: { pskCallback: () => null } }, 'plain data'],
  ['ssl.checkServerIdentity', { ssl: { checkServerIdentity: Symbol('x') } }, 'a function'],
  ['stream', { stream: () => undefined }, 'host and port'],
];

test.each(UNFIT)(
  'a worker is refused a database.%s that its heartbeat cannot have',
  async (...row) => {
    const [field, unfit, expected] = row;
    const site = await openSite();
    // The settings of the pool are another object, so that everything else connects.
    const database: ClientConfig = { connectionString: site.url };
    const ledger = await site.open({ database });
    Object.assign(database, unfit);
    const jobs = [job('a', () => null)];
    expect(() => ledger.worker({ jobs, concurrency: 0 })).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIG',
        message: expect.stringMatching(
          new RegExp(
            `^worker: database\\.${field.replace('.', '\\.')}: cannot reach the heartbeat's own thread; expected ${expected}; concurrency: [^\\n]*$`,
          ),
        ),
      }),
    );
    expect(await site.sql('select from jobledger.workers')).toEqual([]);
  },
);

/** Passes the check of a worker's making, and fails when its heartbeat is started. */
const SPOILED = { spoiled: Symbol('cannot be copied') };

test('a start whose heartbeat cannot begin leaves no row, and can be repeated', async () => {
  const site = await openSite();
  const database: ClientConfig & { spoiled?: symbol } = { connectionString: site.url };
  const ledger = await site.open({ database } as LedgerOptions);
  const runnable = job('a', () => null);
  const worker = ledger.worker({ jobs: [runnable], ...QUICK });
  onTestFinished(() => worker.stop());
  Object.assign(database, SPOILED);
  for (let n = 0; n < 2; n++) {
    await expect(worker.start()).rejects.toThrow(/could not be cloned/);
    expect(await site.sql('select from jobledger.workers')).toEqual([]);
  }
  delete database.spoiled;
  await worker.start();
  const { id } = await ledger.enqueue(runnable, {});
  await inState(ledger, id, 'succeeded');
});

test('a start whose heartbeat cannot begin keeps no process', async () => {
  const site = await openSite();
  const child = startChild('failed-start.mjs', { args: [site.url] });
  await child.waitForLine('closed');
  const late = signal<string>();
  const patience = setTimeout(() => late.resolve('still there'), 5_000);
  const end = await Promise.race([child.exit, late.promise]);
  clearTimeout(patience);
  expect(end).toEqual({ code: 0, signal: null });
  expect(child.lines).toEqual(['refused', 'closed']);
});
