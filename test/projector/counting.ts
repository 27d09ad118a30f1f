import { column, defineProjection, type Projection } from '../../src/index.js';

/** Jobs enqueued by kind: rows that jobs of all partitions have in common. */
export function counting(version: number): Projection {
  return defineProjection({
    name: 'by-kind',
    version,
    columns: { kind: column.text, jobs: column.bigint },
    key: ['kind'],
    rows: ({ kind }) => ({ kind }),
    on: { JobEnqueued: (row, { kind }) => ({ kind, jobs: (row?.jobs ?? 0) + 1 }) },
  });
}

/** The same, but it cannot take events of a kind as long as `isBroken` says so. */
export function fragile(inner: Projection, kind: string, isBroken: () => boolean): Projection {
  return {
    ...inner,
    fold: (row, event, ...rest) => {
      if (event.kind === kind && isBroken()) throw new Error('poison');
      return inner.fold(row, event, ...rest);
    },
  };
}
