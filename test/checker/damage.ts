import type pg from 'pg';
import {
  checkLedger,
  type CheckOptions,
  type CheckReport,
} from '../../src/checker/check-ledger.js';

/** An event written by hand: its type, what its data says, and what is unusual about it. */
export type Written = readonly [type: string, data?: object, unusual?: Unusual];

interface Unusual {
  readonly version?: number;
  /** Positions left out before it. */
  readonly skip?: number;
  /** Seconds after the event before it; negative steps back. */
  readonly afterS?: number;
  readonly kind?: string;
  readonly partition?: number;
  /** Its schema version; 1 unless said. */
  readonly form?: number;
}

/** A job's id in partition 0, the same for the same number. */
export function jobId(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(10, '0')}00`;
}

export const ENQUEUED: Written = [
  'JobEnqueued',
  { payload: {}, priority: 0, maxAttempts: 2, timeoutMs: null },
];
export const RETRY = { action: 'retry', reason: 'retryable', policy: 'fixed', delayMs: 0 };

export function started(attempt: number, more: object = {}): Written {
  return ['AttemptStarted', { attempt, worker: 1, claim: attempt, ...more }];
}

export function succeeded(attempt: number): Written {
  return ['AttemptSucceeded', { attempt, startedAt: 'x', durationMs: 1 }];
}

export function failed(attempt: number, decision: object = RETRY, runAt: string = PAST): Written {
  return ['AttemptFailed', { attempt, error: {}, decision, runAt }];
}

/** The same event with something unusual about it. */
export function odd([type, data]: Written, unusual: Unusual): Written {
  return [type, data, unusual];
}

export const PAST = '2020-01-01T00:00:00.000000Z';

/** Appends streams to partition 0 by hand, one after another, past every guard. */
export async function write(
  client: pg.Client,
  streams: readonly (readonly Written[])[],
): Promise<void> {
  let position = 0;
  let at = Date.UTC(2026, 0, 1);
  for (const [n, stream] of streams.entries()) {
    let version = 0;
    for (const [type, data = {}, unusual = {}] of stream) {
      position += 1 + (unusual.skip ?? 0);
      at += (unusual.afterS ?? 1) * 1_000;
      version = unusual.version ?? version + 1;
      const { partition = 0, kind = 'k', form = 1 } = unusual;
      await client.query(
        `insert into jobledger.events values ($1, $2, $3, $4, $5, $9, $6, 'default', $7, '{}', $8)`,
        [partition, position, jobId(n), version, type, kind, data, new Date(at), form],
      );
    }
  }
}

/** Lets two events have one position. */
export async function dropPositionFence(client: pg.Client): Promise<void> {
  await client.query('alter table jobledger.events drop constraint events_pkey');
}

/** Lets two events have one version: takes the last fence away. */
export async function dropVersionFence(client: pg.Client): Promise<void> {
  await client.query('drop index jobledger.events_0_stream_id_version_idx');
}

/** Checks in the transaction that is open, or in one of its own; either way it is undone. */
export async function check(client: pg.Client, options: CheckOptions = {}): Promise<CheckReport> {
  try {
    await client.query('begin');
    return await checkLedger(async (text) => (await client.query(text)).rows, options);
  } finally {
    await client.query('rollback');
  }
}

/** What was found, as `code text`. */
export async function found(client: pg.Client, options?: CheckOptions): Promise<string[]> {
  return (await check(client, options)).findings.map(({ code, text }) => `${code} ${text}`);
}
