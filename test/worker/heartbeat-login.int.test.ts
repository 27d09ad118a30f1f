import pg from 'pg';
import { expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.js';
import { eventually } from '../support/eventually.js';
import { startPostgres } from '../support/throwaway.js';
import { inState, job, openSite, QUICK, types, type Site } from './site.js';

/** Waits until the worker's row was renewed for longer than a lease, counted from now. */
async function outlivesItsLease(site: Site, worker: number): Promise<void> {
  const beat = async (): Promise<number> => {
    const [row] = await site.sql<{ beat: number }>(
      `select beat::int from jobledger.workers
        where id = $1 and dead_at is null and ended_at is null`,
      [worker],
    );
    if (row === undefined) throw new Error(`worker ${worker} is dead`);
    return row.beat;
  };
  const from = await beat();
  const beats = Math.ceil(QUICK.leaseMs / QUICK.heartbeatMs) + 2;
  await eventually(async () => (await beat()) >= from + beats, { everyMs: 100, timeoutMs: 20_000 });
}

test('the heartbeat asks a password function anew for each connection', async () => {
  const server = await startPostgres({ tcp: true });
  const { password: first, ...config } = server.overTcp!;
  let current = String(first);
  let asked = 0;
  const password = (): Promise<string> => Promise.resolve((asked++, current));
  const site = await openSite({
    url: server.url,
    ledger: { database: { ...config, password } },
  });
  const runnable = job('kept', () => outlivesItsLease(site, worker.id!));
  const worker = await site.start({ jobs: [runnable] });
  const { id } = await site.ledger.enqueue(runnable, {});
  await inState(site.ledger, id, 'succeeded');

  const before = asked;
  await site.sql(`alter role jobledger password 'another'`);
  current = 'another';
  await expect(new pg.Client(server.overTcp).connect()).rejects.toMatchObject({ code: '28P01' });
  await site.sql(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'jobledger'`);
  const again = await site.ledger.enqueue(runnable, {});
  await inState(site.ledger, again.id, 'succeeded');
  // Of the pool at least one, and the heartbeat's own.
  expect(asked).toBeGreaterThanOrEqual(before + 2);
  expect(await types(site.ledger, again.id)).not.toContain('AttemptLost');
}, 60_000);

test.each([
  ['text', (cert: string) => cert],
  ['bytes', (cert: string) => Buffer.from(cert)],
])(
  'the heartbeat speaks TLS with the given authority, as %s',
  async (_, given) => {
    const certificate = selfSigned();
    const server = await startPostgres({ tls: certificate });
    await expect(new pg.Client(server.overTcp).connect()).rejects.toMatchObject({ code: '28000' });
    const strangers = { ...server.overTcp, ssl: { ca: selfSigned().cert } };
    await expect(new pg.Client(strangers).connect()).rejects.toThrow(/self[- ]signed/i);
    const site = await openSite({
      url: server.url,
      ledger: { database: { ...server.overTcp, ssl: { ca: given(certificate.cert) } } },
    });
    const runnable = job('kept', () => outlivesItsLease(site, worker.id!));
    const worker = await site.start({ jobs: [runnable] });
    const { id } = await site.ledger.enqueue(runnable, {});
    await inState(site.ledger, id, 'succeeded');
    const open = await site.sql(`select from pg_stat_ssl join pg_stat_activity using (pid)
    where application_name = 'jobledger' and client_addr is not null and not ssl`);
    expect(open).toEqual([]);
    expect(site.logged.filter((line) => line['code'] === 'HEARTBEAT')).toEqual([]);
  },
  60_000,
);
