import { expect, test } from 'vitest';
import { packageAudit } from '../../src/demo/audit-job.js';
import { LICENCES, licences } from '../../src/demo/licences.js';
import { DemoModels } from '../../src/demo/read-models.js';
import { column, defineProjection, type Columns, type Projection } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { openSite, type Site } from '../worker/site.js';

test('the next demo begins with version 1 again, whatever became of the read model', async () => {
  const site = await openSite();
  const models = new DemoModels(site.ledger, []);
  await audited(site, 'MIT');
  await whole(models, [1, 'a/index.js']);

  await audited(site, 'MIT');
  await whole(models, [2, 'a/index.js']);

  const operator = site.ledger.projections();
  await operator.pause(LICENCES);
  await audited(site, 'MIT');
  await whole(models, [3, 'a/index.js']);

  await operator.drop(LICENCES, licences.version);
  await whole(models, [3, 'a/index.js']);
  expect(await builds(site)).toEqual(['demo-licences 1 retired', 'demo-licences 2 live']);
}, 60_000);

test('read models that the owner of the folder has changed or paused are left alone', async () => {
  const site = await openSite();
  const others = empty({ kind: column.text, jobs: column.bigint });
  await site.ledger.projector({ projections: [others] }).catchUp();
  await audited(site, 'ISC');

  await site.ledger.projections().pause('mine');
  await whole(new DemoModels(site.ledger, [others]), [1, 'a/index.js']);

  const models = new DemoModels(site.ledger, [empty({ kind: column.text, n: column.text })]);
  await whole(models, [1, 'a/index.js']);
  expect(models.code.map(({ name }) => name)).toEqual([LICENCES, LICENCES]);
}, 60_000);

/** A read model by the name of `mine`, without rows. */
function empty(columns: Columns): Projection {
  return defineProjection({
    ...{ name: 'mine', version: 1, columns, key: ['kind'], rows: () => undefined, on: {} },
  });
}

/** What a demo does with its read model, and the only row that it must have in both versions. */
async function whole(models: DemoModels, [audits, file]: readonly [number, string]): Promise<void> {
  await models.follow();
  await models.caughtUp();
  const [before, ...others] = await models.rows();
  expect({ others, before }).toEqual({ others: [], before: expect.objectContaining({ audits }) });
  expect(before).not.toHaveProperty('largest_file');
  expect(await models.rebuild(() => {})).toBeGreaterThan(0);
  expect(await models.rows()).toMatchObject([{ audits, largest_file: file, largest_bytes: 3 }]);
}

async function audited(site: Site, licence: string): Promise<void> {
  const package1 = { path: 'node_modules/a', name: 'a', version: '1.0.0' };
  const payload = { ...package1, optional: false, platform: null };
  const { id } = await site.ledger.enqueue(packageAudit, payload);
  const found = { files: 1, bytes: 3, digest: '', largestFile: 'a/index.js', largestBytes: 3 };
  const worker = await site.start({ jobs: [packageAudit.handler(() => ({ ...found, licence }))] });
  await eventually(async () => (await site.ledger.get(id))?.state === 'succeeded');
  await worker.stop();
}

async function builds(site: Site): Promise<readonly string[]> {
  const all = await site.ledger.projections().status();
  return all.map(({ name, version, state }) => `${name} ${version} ${state}`);
}
