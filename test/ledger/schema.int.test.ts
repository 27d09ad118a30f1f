import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrateDatabase } from 'jobledger';
import { EVENT_TYPES } from '../../src/job/events.js';
import { STATES, TERMINAL_STATES } from '../../src/job/state.js';
import { createDatabase } from '../support/database.js';

let database: Awaited<ReturnType<typeof createDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  await migrateDatabase({ database: database.url });
  client = new pg.Client(database.config);
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

it('knows the same event types in the database as in the rules', async () => {
  const { rows } = await client.query<{ label: string }>(
    `select enumlabel as label from pg_enum where enumtypid = 'jobledger.event_type'::regtype order by enumsortorder`,
  );
  expect(rows.map((row) => row.label)).toEqual([...EVENT_TYPES]);
});

it('has a dispatch table for every state that is not terminal, and no other', async () => {
  const { rows } = await client.query<{ definition: string }>(
    `select pg_get_constraintdef(oid) as definition from pg_constraint
     where conrelid = 'jobledger.scheduled'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%state%'`,
  );
  const waiting = [...rows[0]!.definition.matchAll(/'(\w+)'::text/g)].map((match) => match[1]!);
  const placed = [...waiting, 'available', 'running'];
  const open = STATES.filter((state) => !(TERMINAL_STATES as readonly string[]).includes(state));
  expect(placed.sort()).toEqual([...open].sort());
});

it('refuses dispatch rows that no state allows', async () => {
  const row = `0, gen_random_uuid(), 1, 1, 2, 5, 1, 0, 'q', 'k'`;
  const columns =
    'partition, job_id, position, attempt, counted, max_attempts, version, priority, queue, kind';
  await expect(
    client.query(`insert into jobledger.ready(${columns}) values (${row})`),
  ).rejects.toThrow(/ready_check/);
  const scheduled = `insert into jobledger.scheduled(${columns}, run_at, state)
    values (0, gen_random_uuid(), 1, 0, 0, 5, 1, 0, 'q', 'k', now(), 'running')`;
  await expect(client.query(scheduled)).rejects.toThrow(/scheduled_state_check/);
});

it('gives every partition its own table and the parent the rest of nothing', async () => {
  const { rows } = await client.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'jobledger.events'::regclass`,
  );
  expect(rows).toHaveLength(16);
  const outside = `insert into jobledger.events
    values (16, 1, gen_random_uuid(), 1, 'JobEnqueued', 1, 'k', 'q', '{}', '{}', now())`;
  await expect(client.query(outside)).rejects.toThrow(/no partition of relation/);
});
