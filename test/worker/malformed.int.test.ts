import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { inState, job, lastEvent, openSite } from './site.js';

const BAD: readonly (readonly [string, number, RegExp])[] = [
  ['null', 1, /expected an object/],
  ['{"priority": 0, "maxAttempts": 5, "timeoutMs": null}', 1, /payload: expected a value/],
  ['{"payload": 1, "priority": 0, "maxAttempts": 5}', 1, /timeoutMs: expected/],
  ['{"payload": 1, "priority": 0, "maxAttempts": 5, "timeoutMs": 0}', 1, /timeoutMs: expected/],
  [
    '{"payload": 1, "priority": 0, "maxAttempts": 5, "timeoutMs": null, "retry": {"type": "moon"}}',
    1,
    /retry.type: expected/,
  ],
  ['{"payload": 1, "priority": 0, "maxAttempts": 5, "timeoutMs": null}', 2, /form 2 is newer/],
];

test.each(BAD)(
  'a job of %s in form %i fails as malformed, its neighbours do not',
  async (...row) => {
    const [data, form, problem] = row;
    const { ledger, sql, start } = await openSite({ partitions: 1, verify: false });
    const runs: unknown[] = [];
    const runnable = job('known', (payload) => void runs.push(payload));
    const before = await ledger.enqueue(runnable, 'before');
    const bad = '00000000-0000-4000-8000-000000000000';
    await sql(
      `with recorded as (insert into jobledger.events select 0, 2, $1, 1, 'JobEnqueued', $3, 'known',
        'default', $2, '{}', clock_timestamp())
      insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition,
        priority, queue, kind) select $1, 2, 0, 0, 5, 1, 0, 0, 'default', 'known'`,
      [bad, data, form],
    );
    const after = await ledger.enqueue(runnable, 'after');
    await start({ jobs: [runnable] });
    for (const { id } of [before, after]) await inState(ledger, id, 'succeeded');
    const { data: failed } = await lastEvent(ledger, bad, 'AttemptFailed');
    expect(failed).toMatchObject({
      ...{ attempt: 1, decision: { action: 'fail', reason: 'malformed' } },
      error: { name: 'Malformed', message: expect.stringMatching(problem), retryable: false },
    });
    expect(runs).toEqual(['before', 'after']);
  },
);

/** What a worker builds on beside the enqueue: who wrote them, and where the lease says they stand. */
const NEWER = [
  ['JobRetried', 'payload_at', /JobRetried: its form 99 is newer/],
  ['AttemptFailed', 'error_at', /AttemptFailed: its form 99 is newer/],
] as const;

test.each(NEWER)(
  'a job with a newer %s fails as malformed, and is not misread',
  async (type, column, problem) => {
    const { ledger, sql, start } = await openSite({ partitions: 1, verify: false });
    const runs: unknown[] = [];
    const runnable = job('known', (payload) => void runs.push(payload));
    const { id } = await ledger.enqueue(runnable, 'enqueued', { unique: { key: 'k' } });
    await sql(
      `with recorded as (
        insert into jobledger.events select partition, 2, stream_id, 2, $2, 99, kind, queue,
          '{"payload": "misread", "error": {"message": "misread"}}', '{}', clock_timestamp()
          from jobledger.events where stream_id = $1)
      update jobledger.ready set version = 2, ${column} = 2 where job_id = $1`,
      [id, type],
    );
    await start({ jobs: [runnable] });
    await eventually(async () => expect(await ledger.history(id)).toHaveLength(4));
    expect((await lastEvent(ledger, id, 'AttemptFailed')).data).toMatchObject({
      decision: { action: 'fail', reason: 'malformed' },
      error: { message: expect.stringMatching(problem) },
    });
    expect(runs).toEqual([]);
    expect(await sql('select from jobledger.unique_keys')).toEqual([]);
  },
);
