import { expect, test } from 'vitest';
import { column, defineProjection, nullable, type Projection } from 'jobledger';

const columns = { kind: column.text, jobs: column.bigint, at: nullable(column.timestamp) };
const head = { name: 'types', version: 1, columns, key: ['kind'] } as const;
const rows = ({ kind }: { readonly kind: string }) => ({ kind });

/** Never called: that it compiles, and that each marked line alone does not, is the test. */
export function compiles(): readonly Projection[] {
  return [
    defineProjection({
      ...{ ...head, rows },
      on: {
        AttemptSucceeded: (row, { kind, data, recordedAt }) => {
          // @ts-expect-error what another type of event carries
          void data.error;
          // @ts-expect-error a column that there is not
          void row?.count;
          const jobs = (row?.jobs ?? 0) + data.attempt;
          return { kind, jobs, at: recordedAt };
        },
      },
    }),
    defineProjection({
      ...{ ...head, rows },
      // @ts-expect-error an event type that does not exist
      on: { AttemptSuceeded: (_row, { kind }) => ({ kind, jobs: 1, at: null }) },
    }),
    defineProjection({
      ...{ ...head, rows },
      // @ts-expect-error a column is missing
      on: { JobEnqueued: (_row, { kind }) => ({ kind, jobs: 1 }) },
    }),
    defineProjection({
      ...{ ...head, rows },
      // @ts-expect-error a column of the wrong type
      on: { JobEnqueued: (_row, { kind }) => ({ kind, jobs: '1', at: null }) },
    }),
    defineProjection({
      ...{ ...head, rows },
      // @ts-expect-error null where there is always something
      on: { JobEnqueued: (_row, { kind }) => ({ kind, jobs: null, at: null }) },
    }),
    defineProjection({
      ...head,
      // @ts-expect-error a row is named by the columns of the key
      rows: ({ queue }) => ({ queue }),
      on: { JobEnqueued: (row) => row },
    }),
    defineProjection({
      ...{ ...head, rows },
      // @ts-expect-error a column of the key that there is not
      key: ['queue'],
      on: { JobEnqueued: () => undefined },
    }),
    defineProjection({
      ...{ ...head, rows },
      on: { JobEnqueued: () => undefined },
      // @ts-expect-error an index on a column that there is not
      indexes: [['queue']],
    }),
    defineProjection({
      ...{ ...head, rows },
      on: (row, event) => {
        // @ts-expect-error not before its type is known
        void event.data.payload;
        return event.type === 'JobEnqueued' ? { ...rows(event), jobs: 1, at: null } : row;
      },
      // @ts-expect-error a view's column that there is not
      view: { queue: 'kind' },
    }),
  ];
}

test('what the compiler lets pass is refused when it is defined', () => {
  const define = (over: object) => () =>
    defineProjection({ ...head, rows, on: {}, ...over } as Parameters<typeof defineProjection>[0]);
  expect(define({})).not.toThrow();
  expect(define({ on: { AttemptSuceeded: () => undefined } })).toThrow(
    /on: there is no event AttemptSuceeded/,
  );
  expect(define({ key: ['queue'], version: 0 })).toThrow(
    /version: expected a whole number from 1 to .*; .*key: there is no column queue/,
  );
});
