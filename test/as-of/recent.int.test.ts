import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { isLedgerError, type Ledger, type PastStats, type RecordedEvent } from '../../src/index.js';
import { partitionOf } from '../../src/ledger/ids.js';
import { jobStates } from '../../projections/job-states.js';
import { eventually } from '../support/eventually.js';
import { job, openSite, QUICK, type Site } from '../worker/site.js';

test('what was recorded but not committed by then is waited for', async () => {
  const site = await openSite({ verify: false });
  const { ledger } = site;
  const writer = await connectTo(site);
  const id = randomUUID();
  const partition = partitionOf(id, ledger.partitions);
  await lock(writer, ledger, partition);
  await writer.query(
    `insert into jobledger.events_${partition} values ($1, 1, $2, 1, 'JobEnqueued', 1, 'k', 'default',
      '{"payload": 1, "priority": 0, "maxAttempts": 1, "timeoutMs": null}', '{}', clock_timestamp())`,
    [partition, id],
  );
  const at = await ledger.instant({ agoMs: 0 });
  const looking = ledger.get(id, { asOf: at });
  await eventually(async () => {
    const { rows: waiting } = await writer.query(
      `select from pg_locks where locktype = 'advisory' and not granted and mode = 'ShareLock'
        and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(waiting).toHaveLength(1);
  });
  await writer.query('commit');
  expect(await looking).toMatchObject({ id, state: 'available' });
});

test('a partition that nobody lets go of is told, and the others can be looked at', async () => {
  const site = await openSite();
  const { ledger } = site;
  const { id } = await ledger.enqueue('k', 1);
  const partition = partitionOf(id, ledger.partitions);
  const stranger = await connectTo(site);
  await lock(stranger, ledger, (partition + 1) % ledger.partitions);
  const asOf = { agoMs: 0 };
  expect(await ledger.get(id, { asOf })).toMatchObject({ id });
  await expect(ledger.stats({ asOf })).rejects.toMatchObject({ code: 'CONFLICT' });
  await stranger.query('rollback');
});

test('answers of this very instant, while writers work, are what the log says of it afterwards', async () => {
  const site = await openSite();
  const { ledger } = site;
  const projections = [jobStates];
  const projector = ledger.projector({ projections });
  await projector.start();
  await eventually(() => ledger.stats({ asOf: { agoMs: 0 } }));
  const worker = ledger.worker({
    ...QUICK,
    jobs: [job('k', (n: number) => (n % 7 === 0 ? Promise.reject(new Error('no')) : n))],
    concurrency: 10,
  });
  await worker.start();
  const ids: string[] = [];
  const answers: PastStats[] = [];
  for (let n = 0; n < 75; n += 3) {
    const enqueuing = Promise.all([0, 1, 2].map((m) => ledger.enqueue('k', n + m)));
    const [made, answer] = await Promise.all([enqueuing, statsOfNow(ledger)]);
    ids.push(...made.map(({ id }) => id));
    answers.push(answer);
  }
  await worker.stop();
  const events: RecordedEvent[] = [];
  for (const id of ids) events.push(...(await ledger.history(id)));
  for (const { at, enqueued, events: recorded, states } of answers) {
    const then = events.filter(({ recordedAt }) => recordedAt <= at);
    const of = (type: string) => then.filter((event) => event.type === type).length;
    expect({ recorded, enqueued, succeeded: states.succeeded }).toEqual({
      recorded: then.length,
      enqueued: of('JobEnqueued'),
      succeeded: of('AttemptSucceeded'),
    });
  }
  expect(new Set(answers.map(({ events: recorded }) => recorded)).size).toBeGreaterThan(5);
  await ledger.caughtUp('job-states');
  await projector.stop();
  const models = ledger.projections({ projections });
  expect(await models.verify('job-states')).toMatchObject([{ verified: true, differing: 0 }]);
});

/** Where the machine is so busy that the projector falls behind, that is a refusal, and asked again. */
async function statsOfNow(ledger: Ledger): Promise<PastStats> {
  for (;;) {
    try {
      return await ledger.stats({ asOf: { agoMs: 0 } });
    } catch (error) {
      if (!isLedgerError(error, 'NOT_CAUGHT_UP')) throw error;
    }
  }
}

/** As writers of a partition take its lock. */
async function lock(client: pg.Client, { ledgerId }: Ledger, partition: number): Promise<void> {
  const space = Buffer.from(ledgerId.slice(0, 8), 'hex').readInt32BE();
  await client.query('begin');
  await client.query('select pg_advisory_xact_lock($1::int, $2::int)', [space, partition]);
}

async function connectTo({ url }: Site): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}
