import { expect, test } from 'vitest';
import { column, defineProjection } from '../../src/index.js';
import { openSite } from '../worker/site.js';
import { states } from './crash.js';
import { load, poll, STATES } from './load.js';

/** Another column, and one less. */
const changed = defineProjection({
  name: 'states',
  version: 2,
  columns: { id: column.uuid, queue: column.text, attempt: column.integer },
  key: ['id'],
  job: 'id',
  on: (_, { streamId, queue }, { attempt }) => ({ id: streamId, queue, attempt }),
});

test('an old ledger gets a new version under load, goes back and forth, and no reader sees less than before', async () => {
  const site = await openSite();
  for (let n = 0; n < 5; n++)
    await site.ledger.enqueueMany(
      Array.from({ length: 1_000 }, () => ({ job: 'old', payload: 0 })),
    );
  const code = [states(1), changed];
  const models = site.ledger.projections({ projections: code });
  await site.ledger.projections({ projections: [states(1)] }).rebuild('states');
  const projector = (await site.open()).projector({ projections: [states(1)] });
  await projector.start();
  const at = await load(site);
  const reader = poll(site, STATES);
  const columns = async () =>
    Object.keys((await site.sql('select * from jobledger.states limit 1'))[0]!);
  expect(await columns()).toEqual(['id', 'state']);
  expect(await models.rebuild('states')).toMatchObject({ version: 2, state: 'live' });
  expect(await columns()).toEqual(['id', 'queue', 'attempt']);
  expect(await models.rollback('states')).toMatchObject({ version: 1, state: 'live' });
  expect(await columns()).toEqual(['id', 'state']);
  expect(await models.rollback('states', { to: 2 })).toMatchObject({ version: 2, state: 'live' });
  expect(await columns()).toEqual(['id', 'queue', 'attempt']);
  expect(await models.rebuild('states')).toMatchObject({ version: 2, state: 'live' });
  await at.stop();
  await reader.stop();
  expect(reader.wrong).toEqual([]);
  expect(reader.looks).toBeGreaterThan(10);
  const next = site.ledger.projector({ projections: [changed] });
  await next.catchUp();
  expect(await models.verify('states')).toMatchObject([{ version: 2, verified: true, parked: 0 }]);
  await Promise.all([projector.stop(), next.stop()]);
});
