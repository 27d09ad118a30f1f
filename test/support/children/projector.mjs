// Keeps read models of these versions up to date (first argument: options as JSON), or rebuilds each
// once; tells on stdout when it begins and when it is done. SIGTERM ends it well.
import { column, defineProjection, openLedger } from '../../../dist/index.js';

const options = JSON.parse(process.argv[2]);

const counting = (version) =>
  defineProjection({
    name: 'by-kind',
    version,
    columns: { kind: column.text, jobs: column.bigint },
    key: ['kind'],
    rows: ({ kind }) => ({ kind }),
    on: { JobEnqueued: (row, { kind }) => ({ kind, jobs: (row?.jobs ?? 0) + 1 }) },
  });

// The first version has a column that later ones have not, and lacks one.
const states = (version) =>
  defineProjection({
    name: 'states',
    version,
    columns: { id: column.uuid, state: column.text, ...(version > 1 ? more : less) },
    key: ['id'],
    job: 'id',
    indexes: [['state']],
    on: (_, { streamId, kind }, { state, attempt }) => ({ id: streamId, state, kind, attempt }),
  });
const [less, more] = [{ kind: column.text }, { attempt: column.integer }];

const ledger = await openLedger({ database: options.url, logger: false });
const projections = options.versions.flatMap((version) => [counting(version), states(version)]);
console.log('began');
if (options.rebuild === true) {
  const models = ledger.projections({ projections });
  await Promise.all(['by-kind', 'states'].map((name) => models.rebuild(name)));
  await ledger.close();
  console.log('done');
} else {
  const projector = ledger.projector({ projections });
  await projector.start();
  process.once('SIGTERM', () => void projector.stop().then(() => ledger.close()));
}
