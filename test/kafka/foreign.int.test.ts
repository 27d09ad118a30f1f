import { expect, test } from 'vitest';
import { ownName, startKafka } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { appendEvents } from './append.js';
import { catchUp } from './catch-up.js';
import { consoleConsume } from './console-consumer.js';
import { expectedRecords } from './expected-records.js';

const site = await ledgerSite();

test("Kafka's console consumer prints key, headers and value as they are documented", async (context) => {
  const broker = await startKafka(context);
  if (broker.classpath === '') return context.skip('no jars of Kafka: its broker runs in Docker');
  const topic = ownName('foreign');
  await appendEvents(site, 2, [
    { data: '{"payload": {"price": 1.10, "to": "Zoë 🦉"}}' },
    { data: '{"payload": 123456789012345678901234567890}', meta: '{"tenant": "acme"}' },
  ]);
  await catchUp(await site.open(), { brokers: [broker.brokers], topic });
  const printed = await consoleConsume(broker, topic, { partition: 2, count: 2 });
  const expected = (await expectedRecords(site, 16))[2]!;
  expect(printed).toEqual(
    expected.map(({ key, value, headers }) => [
      Object.entries(headers)
        .map(([name, text]) => `${name}:${text}`)
        .join('|'),
      key,
      value,
    ]),
  );
});
