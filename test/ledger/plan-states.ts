import type pg from 'pg';

/** Rows that each dispatch table is filled with. */
export const FILLED = 20_000;
/** As many workers have been here; so many of them still live. */
const LIVE = 4;
/** The partition, queue and kind that the rows are of. */
export const LINE = { partition: 3, queue: 'default', kind: 'hot' } as const;

/** What JobEnqueued says of each. */
export const ENQUEUED = '{"payload":null,"priority":0,"maxAttempts":25}';

/** A state of tables and statistics that plans must withstand. */
export interface TableState {
  readonly title: string;
  /** `hold` keeps a snapshot open from then on. */
  /** Whether the statements have run, and left their plans with the session, before. */
  readonly warm?: boolean;
  readonly prepare: (client: pg.Client, hold: () => Promise<void>) => Promise<void>;
}

export const STATES: readonly TableState[] = [
  { title: 'empty and never analysed', prepare: () => Promise.resolve() },
  { title: 'empty and analysed', prepare: analyse },
  { title: 'freshly filled and never analysed', prepare: fill },
  {
    title: 'filled, vacuumed and analysed',
    prepare: async (client) => {
      await fill(client);
      await client.query('vacuum analyze');
    },
  },
  {
    title: 'full of dead rows that an old snapshot keeps',
    prepare: async (client, hold) => {
      await fill(client);
      await hold();
      await empty(client);
    },
  },
  {
    title: 'filled after they were analysed while empty',
    prepare: async (client) => {
      await analyse(client);
      await fill(client);
    },
  },
  {
    title: 'filled under plans that were made while they were empty',
    warm: true,
    prepare: fill,
  },
  {
    title: 'emptied after they were analysed while full',
    prepare: async (client) => {
      await fill(client);
      await analyse(client);
      await empty(client);
    },
  },
];

async function analyse(client: pg.Client): Promise<void> {
  await client.query('analyze');
}

/** Nothing but a state's own steps may change statistics, or take dead rows away. */
export async function stopAutovacuum(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class
      where relnamespace = 'jobledger'::regnamespace and relkind = 'r'`,
  );
  const statements = rows.map(({ name }) => `alter table ${name} set (autovacuum_enabled = off)`);
  await client.query(statements.join('; '));
}

/** As many rows in each table, all of one line or about one job, with the events that they stand for. */
async function fill(client: pg.Client): Promise<void> {
  const { partition, queue, kind } = LINE;
  // Ids name their partition by their last byte.
  const id = (n: string) =>
    `('00000000-0000-7000-8000-' || lpad(to_hex((${n}) * 256 + ${partition}), 12, '0'))::uuid`;
  const { rows } = await client.query<{ head: string }>(
    `select coalesce(max(position), 0) as head from jobledger.events where partition = ${partition}`,
  );
  const head = Number(rows[0]!.head);
  const job = (table: number) =>
    `${id(`n + ${table * FILLED}`)}, n + ${head + table * FILLED}, 0, 0, 25, 1, ${partition}, 0, '${queue}', '${kind}'`;
  const columns =
    'job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind';
  const numbers = `from generate_series(1, ${FILLED}) n`;
  await client.query(`
    insert into jobledger.events_${partition}
      select ${partition}, n + ${head}, ${id('n')}, 1, 'JobEnqueued', 1, '${kind}', '${queue}', '${ENQUEUED}', '{}', clock_timestamp()
      from generate_series(1, ${3 * FILLED}) n;
    insert into jobledger.ready(${columns}) select ${job(0)} ${numbers};
    insert into jobledger.leases(seq, claim, worker, claimed_at, ${columns})
      select n, n / 100, 1000000, clock_timestamp(), ${job(1)} ${numbers};
    insert into jobledger.scheduled(run_at, state, ${columns})
      select clock_timestamp() - interval '1 hour' + n * interval '1 ms', 'scheduled', ${job(2)} ${numbers};
    insert into jobledger.unique_keys(tenant, kind, key, job_id, scope)
      select 'default', '${kind}', 'filled ' || n, ${id('n')}, 'active' ${numbers};
    insert into jobledger.inbox(sort, job_id, actor) select 'duplicate', ${id('1')}, 'somebody' ${numbers};
    insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms, ended_at)
      select 'here', n, '1', '{${queue}}', '{${kind}}', 60000, case when n % ${FILLED / LIVE} <> 0 then now() end ${numbers}`);
}

/** Of workers those that live have beaten for a while. */
async function empty(client: pg.Client): Promise<void> {
  const tables = ['ready', 'leases', 'scheduled', 'unique_keys', 'inbox'];
  await client.query(tables.map((name) => `delete from jobledger.${name}`).join('; '));
  for (let beat = 1; beat <= 20; beat++)
    await client.query('update jobledger.workers set beat = beat + 1 where ended_at is null');
}
