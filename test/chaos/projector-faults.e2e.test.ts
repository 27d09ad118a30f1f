import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { column, defineProjection, type Projection } from '../../src/index.js';
import { isConnectionError } from '../../src/sql-errors.js';
import { counting } from '../projector/counting.js';
import { COUNTED, load, poll, STATES } from '../projector/load.js';
import { eventually } from '../support/eventually.js';
import { startChild, type TestProcess } from '../support/processes.js';
import { startPostgres } from '../support/throwaway.js';
import { openSite, type Site } from '../worker/site.js';

/** As the child has them. */
const OLD: Projection = defineProjection({
  ...{ name: 'states', version: 1, key: ['id'], job: 'id' },
  columns: { id: column.uuid, state: column.text, kind: column.text },
  on: (_, { streamId, kind }, { state }) => ({ id: streamId, state, kind }),
});
const NEW: Projection = defineProjection({
  ...{ name: 'states', version: 2, key: ['id'], job: 'id' },
  columns: { id: column.uuid, state: column.text, attempt: column.integer },
  on: (_, { streamId }, { state, attempt }) => ({ id: streamId, state, attempt }),
});

const start = (site: Site, options: object): TestProcess =>
  startChild('projector.mjs', { args: [JSON.stringify({ url: site.url, ...options })] });

const expire = (site: Site) =>
  site.sql(`update jobledger.projections set lease_until = clock_timestamp()
    where id in (select id from jobledger.projections for no key update skip locked)`);

test('a rebuild killed at ten random moments under load goes on each time, and readers see no less', async () => {
  const site = await openSite();
  for (let n = 0; n < 15; n++)
    await site.ledger.enqueueMany(Array.from({ length: 1_000 }, () => ({ job: 'k', payload: 0 })));
  const first = start(site, { versions: [1], rebuild: true });
  await first.waitForLine('done');
  const readers = [poll(site, COUNTED), poll(site, STATES)];
  const at = await load(site);
  let kills = 0;
  while (kills < 10) {
    await expire(site);
    const child = start(site, { versions: [1], rebuild: true });
    await child.waitForLine('began');
    const ended = await Promise.race([child.exit, pause(Math.random() * 1_500)]);
    if (ended !== undefined) expect(child.errorLines).toEqual([]);
    else kills += Number((await child.kill()).signal === 'SIGKILL');
  }
  await at.stop();
  await expire(site);
  const last = start(site, { versions: [1], rebuild: true });
  expect(await last.exit, last.errorLines.join('\n')).toMatchObject({ code: 0 });
  await Promise.all(readers.map((reader) => reader.stop()));
  for (const { wrong, looks } of readers) expect([wrong, looks > 100]).toEqual([[], true]);
  await verify(site, [counting(1), OLD]);
});

test('versions of the code that fight, stopped, killed and frozen, while Postgres dies, count each event once', async () => {
  const server = await startPostgres();
  const site = await openSite({ url: server.url });
  const readers = [COUNTED, STATES].map((text) =>
    poll(
      site,
      text,
      (error, looks) => isConnectionError(error) || (looks === 0 && isUndefined(error)),
    ),
  );
  const at = await load(site);
  const crew: TestProcess[] = [];
  const some = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)]!;
  const models = site.ledger.projections();
  const faults: Record<string, () => Promise<unknown>> = {
    start: async () => crew.push(start(site, { versions: some([[1], [1, 2], [2]]) })),
    kill: async () => crew.shift()?.kill(),
    stop: async () => crew.shift()?.kill('SIGTERM'),
    freeze: async () => {
      const one = some(crew);
      one?.signal('SIGSTOP');
      await pause(500);
      await expire(site).catch(() => {});
      crew.push(start(site, { versions: [1, 2] }));
      await pause(1_500);
      one?.signal('SIGCONT');
    },
    cut: () =>
      site.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'jobledger' and random() < 0.3`),
    rest: async () => {
      const name = some(['by-kind', 'states']);
      await models.pause(name);
      await pause(200);
      await models.resume(name);
    },
    postgres: async () => {
      await server.kill();
      await server.start();
    },
  };
  crew.push(start(site, { versions: [1] }), start(site, { versions: [1, 2] }));
  // Readers have something to lose from here on.
  await eventually(() => readers.every(({ looks }) => looks > 0));
  for (let round = 0; round < 3; round++)
    for (const name of shuffled(Object.keys(faults))) {
      await faults[name]!().catch(() => {});
      await pause(Math.random() * 500);
      await expire(site).catch(() => {});
    }
  await at.stop();
  for (const name of ['by-kind', 'states']) await eventually(() => models.resume(name));
  await Promise.all(crew.map((one) => one.kill()));
  await Promise.all(readers.map((reader) => reader.stop()));
  for (const { wrong, looks, slowestMs } of readers) {
    expect({ wrong, hasLooked: looks > 20 }).toEqual({ wrong: [], hasLooked: true });
    // Whoever is frozen with a lock on a view keeps it until the server ends its idle transaction.
    expect(slowestMs).toBeLessThan(5_000);
  }
  const code = [counting(1), counting(2), OLD, NEW];
  const heir = site.ledger.projector({ projections: code });
  await eventually(
    async () => {
      await expire(site);
      await heir.catchUp();
      const status = await models.status();
      expect(status.filter(({ version }) => version === 2)).toMatchObject([
        { state: 'live', lagEvents: 0, parked: 0 },
        { state: 'live', lagEvents: 0, parked: 0 },
      ]);
    },
    { timeoutMs: 30_000 },
  );
  await verify(site, code);
  await heir.stop();
});

async function verify({ ledger, sql }: Site, projections: readonly Projection[]): Promise<void> {
  const verified = await ledger.projections({ projections }).verify();
  expect(verified).toMatchObject([
    { name: 'by-kind', verified: true, parked: 0 },
    { name: 'states', verified: true, parked: 0 },
  ]);
  const [{ enqueued } = { enqueued: 0 }] = await sql<{ enqueued: number }>(
    `select count(*)::int as enqueued from jobledger.events where type = 'JobEnqueued'`,
  );
  expect(await sql(COUNTED)).toEqual([{ jobs: enqueued }]);
}

function shuffled<T>(of: readonly T[]): readonly T[] {
  return of
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** Nothing is there yet. */
function isUndefined(error: unknown): boolean {
  return (error as { code?: string }).code === '42P01';
}
