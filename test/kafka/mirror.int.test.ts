import fc from 'fast-check';
import { isLedgerError, mirrorLedger, promoteMirror, type Ledger } from 'jobledger';
import { projections } from 'jobledger/projections';
import { expect, test } from 'vitest';
import { fuzz, step, takeAll } from '../ledger/random-steps.js';
import { eventually } from '../support/eventually.js';
import { ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { emptyPlace, type Place } from './place.js';
import { expectDispatch, expectSameLog, identityOf, publish } from './restoring.js';

const site = await ledgerSite();

/** Every row of every read model that the package ships, as text. */
async function readModels(place: Pick<Place, 'ask'>, ledger: Ledger): Promise<unknown> {
  await ledger.projector({ projections }).start();
  const models = projections.map(({ name }) => name);
  for (const name of models) await ledger.caughtUp(name, undefined, { timeoutMs: 30_000 });
  const tables = models.map(async (name) => {
    const view = name.replaceAll('-', '_');
    const rows = await place.ask<{ row: string }>(
      `select to_jsonb(v)::text as row from jobledger.${view} v order by 1`,
    );
    return [name, rows.map(({ row }) => row)] as const;
  });
  return Object.fromEntries(await Promise.all(tables));
}

test('read models of a mirror are those of its primary row by row, and it is written to by nobody', async (context) => {
  const kafka = { brokers: sharedBrokers(context), topic: ownName('mirror') };
  const primary = await site.open({ jobs: [fuzz] });
  const lanes = fc.array(fc.array(step, { minLength: 12, maxLength: 20 }), {
    minLength: 4,
    maxLength: 4,
  });
  const place = await emptyPlace();
  const [first, ...rest] = fc.sample(lanes, 3);
  const work = async (given: typeof first) => {
    const worker = primary.worker({ jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
    await worker.start();
    const made = await takeAll(site, primary, given!);
    await worker.stop();
    await publish(primary, kafka.brokers, kafka.topic);
    return made;
  };
  const [id] = await work(first);
  const mirror = await mirrorLedger({ database: place.url, kafka, logger: false });
  expect(await mirror.catchUp()).toBeGreaterThan(0);
  mirror.start();
  for (const given of rest) await work(given);
  await eventually(() => expectSameLog(site, place), { timeoutMs: 20_000 });
  await mirror.stop();
  expect(await identityOf(place)).toMatchObject({ role: 'mirror' });
  const models = await readModels(site, primary);
  await place.use(
    async (copy) => {
      expect(await readModels(place, copy)).toEqual(models);
      expect(await copy.verify({ kafka, projections })).toMatchObject({ verified: true });
      expect(await copy.history(id!)).toEqual(await primary.history(id!));
      expect(await copy.list({ limit: 100 })).toHaveLength(
        (await primary.listPage({ limit: 100 })).jobs.length,
      );
      await expectReadOnly(copy, id!);
    },
    { jobs: [fuzz] },
  );
});

async function expectReadOnly(copy: Ledger, id: string): Promise<void> {
  const by = { actor: 'ada', reason: 'why' };
  const writes = {
    enqueue: () => copy.enqueue(fuzz, { ending: 'succeed' }),
    cancel: () => copy.cancel(id, by),
    repair: () => copy.repairDispatch(),
    stats: () => copy.stats(),
    worker: () => copy.worker({ jobs: [fuzz] }).start(),
    relay: () => copy.relay({ kafka: { brokers: ['127.0.0.1:1'] } }).start(),
  };
  const refused = await Promise.all(
    Object.entries(writes).map(async ([name, write]) => {
      const error = await write().catch((thrown: unknown) => thrown);
      return [name, isLedgerError(error) ? error.code : error];
    }),
  );
  const all = Object.keys(writes).map((name) => [name, 'LEDGER_IS_MIRROR']);
  expect(refused).toEqual(all);
}

test('a writer that has not heard of it changes nothing, and a copy that is promoted goes on', async (context) => {
  const kafka = { brokers: sharedBrokers(context), topic: ownName('promote') };
  const place = await emptyPlace();
  await site.open({ jobs: [fuzz] }).then(async (ledger) => {
    await ledger.enqueue(fuzz, { ending: 'succeed' });
    await publish(ledger, kafka.brokers, kafka.topic);
  });
  const mirror = await mirrorLedger({ database: place.url, kafka, logger: false });
  await mirror.catchUp();
  await mirror.stop();
  const insert = `insert into jobledger.events_0 select * from jobledger.events where partition = 0 limit 0`;
  await expect(place.ask(insert)).rejects.toMatchObject({ code: 'JL001' });
  const { verification } = await promoteMirror({ database: place.url, logger: false });
  expect(verification).toMatchObject({ verified: true });
  await expectDispatch(place);
  await place.use(
    async (ledger) => {
      const { id } = await ledger.enqueue(fuzz, { ending: 'succeed' });
      await ledger.worker({ jobs: [fuzz] }).start();
      await eventually(async () => expect((await ledger.get(id))?.state).toBe('succeeded'));
    },
    { jobs: [fuzz] },
  );
});
