import { expect, test } from 'vitest';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

test('events are never changed or removed', async () => {
  const ledger = await site.open();
  const { id, shortId } = await ledger.enqueue('kept', { n: 1 });
  const own = `jobledger.events_${shortId!.split('/')[0]}`;
  for (const table of ['jobledger.events', own]) {
    for (const statement of [
      `update ${table} set kind = 'other' where stream_id = '${id}'`,
      `delete from ${table} where stream_id = '${id}'`,
      `truncate ${table}`,
      `truncate ${table} cascade`,
    ]) {
      await expect(site.ask(statement)).rejects.toThrow('events are never changed or removed');
    }
  }
  expect(await ledger.history(id)).toMatchObject([{ kind: 'kept' }]);
});

test('positions are dense and times never step back, with many writers at once', async () => {
  // Clocks of different machines: the recorded time must not step back for all that.
  const shifts = [0, -5_000, 5_000, 60_000];
  const ledgers = await Promise.all(
    shifts.map((shiftMs) => site.open({ clockShiftMs: () => shiftMs })),
  );
  const client = await site.connect();
  await Promise.all(
    ledgers.map(async (ledger, n) => {
      for (let round = 0; round < 12; round++) {
        const unique = { key: `${n} ${round % 4}` };
        const [plain] = await Promise.all([
          ledger.enqueue('dense', { n, round }),
          ledger.enqueue('dense', {}, { unique }),
          ledger.enqueueMany([{ job: 'dense', payload: n }], { atomic: true }),
        ]);
        await ledger.cancel(plain.id, by);
      }
    }),
  );
  await site.move();
  const partitions = await client.query<{ partition: number; gaps: boolean; steps: number }>(
    `select partition, max(position) <> count(*) or min(position) <> 1 as gaps,
       count(*) filter (where stepped)::int as steps
     from (select *, recorded_at < lag(recorded_at) over (partition by partition order by position)
       as stepped from jobledger.events) ordered group by partition`,
  );
  expect(partitions.rows.length).toBeGreaterThan(10);
  expect(partitions.rows.filter((row) => row.gaps || row.steps > 0)).toEqual([]);
  const versions = await client.query(
    `select stream_id from jobledger.events group by stream_id having max(version) <> count(*)`,
  );
  expect(versions.rows).toEqual([]);
  expect((await ledgers[0]!.verify()).verified).toBe(true);
});

test('history gives every event whole, in order, with microseconds', async () => {
  const ledger = await site.open();
  const { id } = await ledger.enqueue('told', { deep: [1, { x: null }] }, { queue: 'q' });
  await ledger.reprioritize(id, { ...by, priority: 3 });
  await ledger.discard(id, by);
  const history = await ledger.history(id);
  expect(history.map((event) => event.version)).toEqual([1, 2, 3]);
  for (const event of history) {
    expect(Object.keys(event).sort()).toEqual(
      [
        ...['data', 'kind', 'meta', 'partition', 'position', 'queue', 'recordedAt'],
        ...['schemaVersion', 'streamId', 'type', 'version'],
      ].sort(),
    );
    expect(event.recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(event).toMatchObject({ kind: 'told', queue: 'q', streamId: id, schemaVersion: 1 });
  }
});
