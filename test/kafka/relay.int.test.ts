import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuzz, step, takeAll } from '../ledger/random-steps.js';
import { eventually } from '../support/eventually.js';
import { kafkaClient, ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { appendEvents } from './append.js';
import { catchUp } from './catch-up.js';
import { expectedRecords } from './expected-records.js';
import { readWholeTopic } from './whole-topic.js';

const site = await ledgerSite();
/** As many as the run's template has. */
const PARTITIONS = 16;

const ledgerHead = async (): Promise<number> =>
  Number((await site.ask(`select count(*) from jobledger.events`))[0]!['count']);

test('every event of a random history is on the topic once, in order, as the ledger has it', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('random');
  const ledger = await site.open({ jobs: [fuzz] });
  const relay = ledger.relay({ kafka: { brokers, topic } });
  await relay.start();
  const lanes = fc.sample(fc.array(step, { minLength: 25, maxLength: 40 }), 4);
  const worker = ledger.worker({ jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
  await worker.start();
  await takeAll(site, ledger, lanes);
  await worker.stop();
  await site.move();
  await eventually(async () => {
    const [published] = await ledger.publications();
    expect(published).toMatchObject({ lagEvents: 0, events: await ledgerHead() });
  });
  await relay.stop();

  const found = await readWholeTopic(kafkaClient(brokers), topic, PARTITIONS);
  const expected = await expectedRecords(site, PARTITIONS);
  expect(found).toEqual(expected);
  // A history of a few events of few types would prove little.
  const types = new Set(expected.flat().map(({ headers }) => headers['ce_type']));
  expect([...types]).toEqual(expect.arrayContaining(['JobEnqueued', 'AttemptStarted']));
  expect(expected.flat().length).toBeGreaterThan(100);
  expect(expected.filter((one) => one.length > 0).length).toBeGreaterThan(4);
});

test('a relay that has caught up goes on when it is started, and after a stop', async (context) => {
  const brokers = sharedBrokers(context);
  const ledger = await site.open();
  const topic = ownName('again');
  const relay = ledger.relay({ kafka: { brokers, topic } });
  const everythingIsThere = () =>
    eventually(async () => {
      const all = await ledger.publications();
      expect(all.find((one) => one.topic === topic)).toMatchObject({
        lagEvents: 0,
        events: await ledgerHead(),
      });
    });
  await ledger.enqueue('one', 1);
  await relay.catchUp();
  await relay.start();
  await ledger.enqueue('two', 2);
  await everythingIsThere();
  await relay.stop();
  await ledger.enqueue('three', 3);
  await relay.start();
  await everythingIsThere();
});

test('values are the bytes that Postgres prints, with all digits, signs and letters', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('bytes');
  const ledger = await site.open();
  await appendEvents(site, 3, [
    { data: '{"payload": {"price": 1.10, "zero": -0.0, "wide": 1e3}}' },
    { data: '{"payload": 123456789012345678901234567890.123456789012345678901234567890}' },
    { data: '{"payload": ["🦉", "\\u00e9", "e\\u0301", "\\u2028", "\\"\\\\\\n", "<!--"]}' },
    { data: '{"b": 1, "a": 2, "b": 3, "nested": {"__proto__": 1, "constructor": null}}' },
    { data: '{}', kind: 'Größe 🦉', queue: 'später' },
    {
      data: '{}',
      meta: '{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "vendor=1", "n": 1.10}',
    },
  ]);
  await catchUp(ledger, { brokers, topic });

  const found = await readWholeTopic(kafkaClient(brokers), topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));
  const values = found[3]!.slice(-6).map(({ value }) => value);
  expect(values[0]).toContain('1.10');
  expect(values[1]).toContain('123456789012345678901234567890.123456789012345678901234567890');
  expect(values[2]).toContain('🦉');
  expect(found[3]!.at(-1)!.headers).toMatchObject({ tracestate: 'vendor=1' });
});

test('events of more bytes than a batch holds are cut into several, and none is lost', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('large');
  const ledger = await site.open();
  const kilobytes = (count: number): string => `{"payload": "${'ß'.repeat(count * 512)}"}`;
  // Four of them are more than a megabyte; two of the large ones are too, and follow each other.
  const sizes = [300, 300, 300, 300, 10, 768, 768, 1, 1, 899];
  await appendEvents(
    site,
    7,
    sizes.map((size) => ({ data: kilobytes(size) })),
  );
  await catchUp(ledger, { brokers, topic });
  const found = await readWholeTopic(kafkaClient(brokers), topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));
});

test('a relay that comes later goes on behind what is there, and sends nothing twice', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('later');
  const ledger = await site.open({ jobs: [fuzz] });
  const enqueue = (count: number) =>
    ledger.enqueueMany(
      Array.from({ length: count }, () => ({ job: fuzz, payload: { ending: 'succeed' as const } })),
    );
  await enqueue(50);
  await catchUp(ledger, { brokers, topic });
  await enqueue(30);
  await catchUp(ledger, { brokers, topic });
  await catchUp(ledger, { brokers, topic });
  const found = await readWholeTopic(kafkaClient(brokers), topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));
});
