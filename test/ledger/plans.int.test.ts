import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { Log } from '../../src/job/define.js';
import { openStore } from '../../src/ledger/open-store.js';
import { endDatabase } from '../../src/database.js';
import { createDatabase } from '../support/database.js';
import { newBench, SEARCH_BLOCKS, type Bench, type HotStep } from './hot-step.js';
import { HOT_STEPS } from './hot-steps.js';
import { COMMAND_STEPS } from './command-steps.js';
import {
  blocksOf,
  blocksSearched,
  faultsOf,
  mayLogPlans,
  openPlanLog,
  type LeadingColumns,
  type PlanLog,
} from './plan-log.js';
import { STATES, stopAutovacuum, type TableState } from './plan-states.js';

const STEPS = [...HOT_STEPS, ...COMMAND_STEPS];

/** Who may not load `auto_explain`, on a server that is not ours, cannot see plans. */
const test = it.skipIf(!(await mayLogPlans(inject('serverUrl'))));

test.each(STATES)(
  'every hot statement stays on its index while tables are $title',
  async (state) => {
    expect(await troublesOf(STEPS, await openState(state))).toEqual([]);
  },
);

test.each([
  ['seqscan', 'move the inbox: Seq Scan on inbox'],
  ['bitmapscan', 'succeed: Bitmap Heap Scan on unique_keys'],
])('it would be noticed if sessions allowed %s', async (way, noticed) => {
  const state = stateOf('filled after they were analysed while empty');
  const measuring = await openState(state, `set enable_${way} = on`);
  expect(await troublesOf(STEPS, measuring)).toContain(noticed);
});

test('it would be noticed if an index were gone', async () => {
  const measuring = await openState(stateOf('empty and analysed'));
  const gone = {
    ready: 'ready_job_id_idx',
    scheduled: 'scheduled_job_id_idx',
    leases: 'leases_cancel_at_idx',
    unique_keys: 'unique_keys_job_id_idx',
    inbox: 'inbox_job_id_idx',
    workers: 'workers_id_idx',
    events_3: 'events_3_stream_id_version_idx',
  };
  for (const index of Object.values(gone))
    await measuring.bench.client.query(`drop index jobledger.${index}`);
  const troubles = await troublesOf(STEPS, measuring);
  for (const table of Object.keys(gone))
    expect(troubles).toContainEqual(expect.stringMatching(new RegExp(`Scan on ${table}\\b`)));
});

test('it would be noticed if a claim stepped over dead rows', async () => {
  const state = stateOf('full of dead rows that an old snapshot keeps');
  const { log, bench, leading } = await openState(state);
  const steps = STEPS.filter(({ title }) => ['enqueue', 'claim and fetch'].includes(title));
  const fromTheStart = { log, leading, bench: { ...bench, seq: 0 } };
  expect(await troublesOf(steps, fromTheStart)).toEqual([
    expect.stringMatching(/^claim and fetch: \d+ blocks of ready searched/),
  ]);
});

interface Measuring {
  readonly log: PlanLog;
  readonly bench: Bench;
  /** What scans of indexes must be bound by in a step. */
  readonly leading: (step: HotStep) => LeadingColumns;
}

/** Runs the steps, one after another, and gives what is wrong with them, one line each. */
async function troublesOf(steps: readonly HotStep[], measuring: Measuring): Promise<string[]> {
  const troubles: string[] = [];
  for (const step of steps) troubles.push(...(await troublesOfOne(step, measuring)));
  return troubles;
}

async function troublesOfOne(step: HotStep, { log, bench, leading }: Measuring): Promise<string[]> {
  log.take();
  const rows = await step.run(bench);
  const plans = log.take();
  const blocks = plans.reduce((sum, { plan }) => sum + blocksOf(plan), 0);
  const searched = plans.reduce((sum, { plan }) => sum + blocksSearched(plan, 'ready'), 0);
  const faults = plans.flatMap(({ plan }) => faultsOf(plan, leading(step)));
  return [
    ...new Set(faults),
    ...(rows === step.rows ? [] : [`${rows} rows, expected ${step.rows}`]),
    ...(blocks <= step.blocks ? [] : [`${blocks} blocks, expected ${step.blocks} at most`]),
    ...(searched <= (step.searched ?? SEARCH_BLOCKS)
      ? []
      : [`${searched} blocks of ready searched`]),
  ].map((trouble) => `${step.title}: ${trouble}`);
}

function stateOf(title: string): TableState {
  return STATES.find((state) => state.title === title)!;
}

async function openState(state: TableState, instead = ''): Promise<Measuring> {
  const database = await createDatabase();
  const [client, holder] = [new pg.Client(database.config), new pg.Client(database.config)];
  const log = openPlanLog(database.config, instead);
  onTestFinished(async () => {
    await Promise.all([endDatabase(log.database), client.end(), holder.end()]);
    await database.drop();
  });
  await Promise.all([client.connect(), holder.connect()]);
  await stopAutovacuum(client);
  const options = { schema: 'jobledger', log: STRICT, clockShiftMs: () => 0 };
  const store = await openStore(log.database, options);
  if (state.warm) {
    await client.query('analyze');
    const before = await newBench(store, client);
    for (const step of STEPS) await step.run(before);
  }
  await state.prepare(client, async () => {
    await holder.query('begin isolation level repeatable read');
    await holder.query('select from jobledger.ready limit 1');
  });
  const leading = await leadingColumns(client);
  return { log, leading, bench: await newBench(store, client) };
}

/**
 * The first column of each index, and of some more; none where the index itself says which rows it
 * is about.
 */
async function leadingColumns(client: pg.Client): Promise<Measuring['leading']> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array(select a.attname::text from pg_attribute a
        where a.attrelid = i.indexrelid and i.indpred is null order by a.attnum) as columns
      from pg_index i join pg_class c on c.oid = i.indexrelid
      where c.relnamespace = 'jobledger'::regnamespace`,
  );
  return ({ boundBy = 1 }) => {
    const bounds: Record<string, number> = { ready_pkey: 2, leases_pkey: boundBy };
    return new Map(rows.map(({ name, columns }) => [name, columns.slice(0, bounds[name] ?? 1)]));
  };
}

const nothing = (): void => undefined;
/** What goes wrong in a step must not pass for a short one. */
const STRICT: Log = {
  ...{ debug: nothing, info: nothing, error: nothing, child: () => STRICT },
  warn: (fields: { code?: string; error?: unknown }) => {
    if (fields.code === 'MAINTENANCE') throw fields.error;
  },
} as Log;
