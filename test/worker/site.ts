import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { defineJob, openLedger } from '../../src/index.js';
import type {
  EventType,
  HandlerContext,
  Job,
  Ledger,
  LedgerOptions,
  LedgerWorker,
  Log,
  RecordedEvent,
  RunnableJob,
  StateName,
  WorkerOptions,
} from '../../src/index.js';

/** A ledger on a database of its own, with what a test needs to look at it. */
export interface Site {
  readonly url: string;
  readonly ledger: Ledger;
  readonly logged: readonly LogLine[];
  /** Opens the same ledger once more, as another process would. */
  readonly open: (options?: LedgerOptions) => Promise<Ledger>;
  /** Starts a worker with short times; it stops when the test ends. */
  readonly start: (options: WorkerOptions, ledger?: Ledger) => Promise<LedgerWorker>;
  readonly sql: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
}

export interface LogLine {
  readonly level: string;
  readonly message: string | undefined;
  readonly [field: string]: unknown;
}

export interface SiteOptions {
  /** A new ledger with so many, instead of a copy of the run's with 16. */
  readonly partitions?: number;
  /** A server of the test's own; the run's server unless given. */
  readonly url?: string;
  readonly ledger?: LedgerOptions;
  /** False where the test itself damages the ledger. */
  readonly verify?: boolean;
}

/** Heartbeats and polls of tests: short, so that what waits for them is soon over. */
export const QUICK = { heartbeatMs: 100, leaseMs: 1_500, pollIntervalMs: 100 } as const;

/**
 * Opens a new ledger. When the test ends, the ledger must agree with its log, no attempt may have
 * ended twice, and no session of ours may be left in a transaction.
 */
export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const { site, close } = await build(options, onTestFinished);
  onTestFinished(close);
  return site;
}

/** One ledger for all tests of a file, checked like any other when they are done. */
export function sharedSite(options: SiteOptions = {}): { readonly current: Site } {
  let built: Awaited<ReturnType<typeof build>> | undefined;
  const drops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    built = await build(options, (drop) => drops.push(drop));
  });
  afterAll(async () => {
    await built?.close();
    for (const drop of drops) await drop();
  });
  return {
    get current() {
      if (built === undefined) throw new Error('the site opens before the first test');
      return built.site;
    },
  };
}

async function build(
  options: SiteOptions,
  atEnd: (drop: () => Promise<void>) => void,
): Promise<{ site: Site; close: () => Promise<void> }> {
  const url = options.url ?? (await freshDatabase(options.partitions !== undefined, atEnd));
  const logged: LogLine[] = [];
  const base = { database: url, migrate: true, partitions: options.partitions ?? 16 };
  const opened: Ledger[] = [];
  const open = async (more: LedgerOptions = {}): Promise<Ledger> => {
    const logger = recorder(logged);
    const ledger = await openLedger({ ...base, logger, ...options.ledger, ...more });
    opened.push(ledger);
    return ledger;
  };
  const ledger = await open();
  const start = async (worker: WorkerOptions, on = ledger): Promise<LedgerWorker> => {
    const started = on.worker({ ...QUICK, ...worker });
    onTestFinished(() => started.stop({ graceMs: 0 }));
    await started.start();
    return started;
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((one) => one.close()));
    await check(base, options.verify ?? true);
  };
  return {
    site: { url, ledger, logged, open, start, sql: (text, values) => ask(url, text, values) },
    close,
  };
}

/** A kind whose payload is anything and whose handler is the test's. */
export function job(
  kind: string,
  handle: (payload: never, context: HandlerContext) => unknown,
  options: Partial<Parameters<typeof defineJob>[0]> = {},
): RunnableJob {
  return defineJob({
    retry: { type: 'fixed', baseMs: 0, jitter: 'none' },
    ...options,
    kind,
    payload: z.any(),
  }).handler(handle as (payload: unknown, context: HandlerContext) => unknown);
}

/** Waits until the job is in the state, and gives it. */
export async function inState<S extends StateName>(
  ledger: Ledger,
  id: string,
  state: S,
  timeoutMs = 20_000,
): Promise<Extract<Job, { readonly state: S }>> {
  return eventually(
    async () => {
      const found = await ledger.get(id);
      expect(found?.state).toBe(state);
      return found as Extract<Job, { readonly state: S }>;
    },
    { timeoutMs },
  );
}

/** The types of a job's events, oldest first. */
export async function types(ledger: Ledger, id: string): Promise<EventType[]> {
  return (await ledger.history(id)).map((event) => event.type);
}

/** The latest event of a type in a job's history. */
export async function lastEvent<T extends EventType>(
  ledger: Ledger,
  id: string,
  type: T,
): Promise<Extract<RecordedEvent, { readonly type: T }>> {
  const found = (await ledger.history(id)).findLast((event) => event.type === type);
  if (found === undefined) throw new Error(`${id} has no ${type}`);
  return found as Extract<RecordedEvent, { readonly type: T }>;
}

/** A promise and its end. */
export function signal<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Resolves when the signal aborts, with its reason. */
export function aborted(context: Pick<HandlerContext, 'signal'>): Promise<unknown> {
  const { signal: abort } = context;
  if (abort.aborted) return Promise.resolve(abort.reason);
  return new Promise((resolve) =>
    abort.addEventListener('abort', () => resolve(abort.reason), { once: true }),
  );
}

/** One statement on a connection of its own. */
export async function ask<Row extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'the test' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function freshDatabase(
  empty: boolean,
  atEnd: (drop: () => Promise<void>) => void,
): Promise<string> {
  const database = await createDatabase({ empty });
  atEnd(() => database.drop());
  return database.url;
}

async function check(options: LedgerOptions & { database: string }, verify: boolean) {
  const idle = await ask(
    options.database,
    `select query from pg_stat_activity where datname = current_database()
      and state like 'idle in transaction%' and pid <> pg_backend_pid()`,
  );
  expect(idle).toEqual([]);
  const twice = await ask(
    options.database,
    `select stream_id, data->>'attempt' as attempt, array_agg(type::text) as types
      from jobledger.events where type in ('AttemptSucceeded', 'AttemptFailed', 'AttemptLost',
        'AttemptReleased', 'JobSnoozed') group by 1, 2 having count(*) > 1`,
  );
  expect(twice).toEqual([]);
  if (!verify) return;
  const ledger = await openLedger({ ...options, logger: false });
  const { differences } = await ledger.verify();
  await ledger.close();
  expect(differences).toEqual([]);
}

function recorder(lines: LogLine[]): Log {
  const at = (level: string, bound: object) => (fields: object, message?: string) =>
    void lines.push({ ...bound, ...fields, level, message });
  const make = (bound: object): Log => ({
    debug: at('debug', bound),
    info: at('info', bound),
    warn: at('warn', bound),
    error: at('error', bound),
    child: (fields) => make({ ...bound, ...fields }),
  });
  return make({});
}
