import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ask } from '../worker/site.js';
import { createDatabase } from '../support/database.js';
import { consumeBy, HandSource, item } from './hand-source.js';
import { EFFECTS, record, type Applied } from './scene.js';

async function service() {
  const database = await createDatabase({ empty: true });
  const { url } = database;
  onTestFinished(() => database.drop());
  await ask(url, EFFECTS);
  const positions = async (partition: number) => {
    const text = 'select position::int from effects where partition = $1 order by turn';
    return (await ask<Applied>(url, text, [partition])).map(({ position }) => position);
  };
  return { url, positions };
}

test('a gap stops its partition and says what is missing; others go on', async () => {
  const { url, positions } = await service();
  const source = new HandSource(2);
  const consumer = await consumeBy(source, { database: url, handler: record });
  await consumer.start();
  source.put(item(0, 1), item(0, 2), item(0, 5), item(1, 1));
  await eventually(async () => {
    const [gap, other] = await consumer.status();
    expect(gap).toMatchObject({ position: 2, trouble: { code: 'EVENT_GAP' } });
    expect(gap!.trouble!.message).toContain('events 3 to 4 are missing');
    expect(other).toMatchObject({ position: 1, trouble: null });
  });
  source.put(item(1, 2));
  await eventually(async () => expect(await positions(1)).toEqual([1, 2]));
  expect(await positions(0)).toEqual([1, 2]);
  await consumer.seek({ positions: { 0: 4 } });
  source.put(item(0, 5), item(0, 6));
  await eventually(async () => expect(await positions(0)).toEqual([1, 2, 5, 6]));
  expect(await consumer.status()).toMatchObject([{ trouble: null }, { trouble: null }]);
});

test('what comes twice is dropped, also for two members that hold the same partitions', async () => {
  const { url, positions } = await service();
  const source = new HandSource(1);
  const options = { database: url, handler: record };
  const members = [await consumeBy(source, options), await consumeBy(source, options)];
  await Promise.all(members.map((member) => member.start()));
  const all = Array.from({ length: 200 }, (_, at) => item(0, at + 1));
  for (let at = 0; at < 200; at += 10) {
    source.put(...all.slice(Math.max(0, at - 7), at + 10));
    await eventually(async () =>
      expect((await positions(0)).length).toBeGreaterThanOrEqual(at / 2),
    );
  }
  await eventually(async () => expect(await positions(0)).toHaveLength(200));
  expect(await positions(0)).toEqual(all.map(({ event }) => event.position));
});

test('a new epoch stops its partition until a reset; what the old one still gives is dropped', async () => {
  const { url, positions } = await service();
  const source = new HandSource(1);
  const consumer = await consumeBy(source, { database: url, handler: record });
  await consumer.start();
  source.put(item(0, 1), item(0, 2), item(0, 3), item(0, 3, { epoch: 2 }));
  await eventually(async () =>
    expect(await consumer.status()).toMatchObject([
      { epoch: 1, position: 3, trouble: { code: 'NEW_EPOCH' } },
    ]),
  );
  expect(await consumer.reset()).toEqual([{ partition: 0, epoch: 2, start: 3, position: 3 }]);
  expect(await consumer.reset()).toEqual([]);
  source.put(item(0, 4), item(0, 3, { epoch: 2 }), item(0, 4, { epoch: 2 }));
  await eventually(async () => expect(await positions(0)).toEqual([1, 2, 3, 3, 4]));
  expect(await consumer.status()).toMatchObject([{ epoch: 2, position: 4, trouble: null }]);
});

test('events of another ledger are refused', async () => {
  const { url, positions } = await service();
  const source = new HandSource(1);
  const consumer = await consumeBy(source, { database: url, handler: record });
  await consumer.start();
  source.put(item(0, 1));
  source.put(item(0, 2, { ledgerId: '00000000-0000-4000-8000-000000000002' }));
  await eventually(async () =>
    expect(await consumer.status()).toMatchObject([{ trouble: { code: 'OTHER_LEDGER' } }]),
  );
  expect(await positions(0)).toEqual([1]);
});
