import { constants, setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { openLedger } from 'jobledger';
import { projections } from 'jobledger/projections';
import pg from 'pg';
import { now } from './clock.mjs';

const PAGE = 4_000;

/** The projector process: what the driver may ask of it. It measures itself, its memory included. */
export function createRole() {
  let ledger;
  let projector;
  const named = (names) => projections.filter(({ name }) => !names || names.includes(name));
  return {
    async open(database) {
      ledger = await openLedger({ database });
    },
    names: () => projections.map(({ name }) => name),
    stop: () => ledger.close(),
    cpu: () => process.cpuUsage(),
    /** Folds all that there is, and ends. */
    catchUp: (names) => measured(() => ledger.projector({ projections: named(names) }).catchUp()),
    /** Builds one anew beside the one that is served. */
    rebuild: (name) =>
      measured(async () => (await ledger.projections({ projections }).rebuild(name)).events),
    verify: (name) => ledger.projections({ projections }).verify(name),
    async follow(names) {
      // As `jobledger project` does: workers on the same machine go first.
      setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
      projector = ledger.projector({ projections: named(names) });
      await projector.start();
    },
    /** Resolves once it has folded everything. */
    caughtUp: (name) => ledger.caughtUp(name, undefined, { timeoutMs: 600_000 }),
    read: (database) => measured(() => readAll(database)),
    lookBack: (database) => lookBack(ledger, database),
  };
}

/** The worst of several looks at the past, by what is asked; each is asked once before, untimed. */
async function lookBack(ledger, database) {
  const worst = { list: 0, stats: 0, get: 0 };
  const timed = async (what, ask) => {
    await ask();
    const began = now();
    const answer = await ask();
    worst[what] = Math.max(worst[what], now() - began);
    return answer;
  };
  for (const asOf of await instants(database)) {
    for (const state of ['available', 'running', 'succeeded', 'failed']) {
      const look = () => ledger.list({ queue: 'default', state, asOf });
      const [job] = await timed('list', look);
      if (job) await timed('get', () => ledger.get(job.id, { asOf }));
    }
    await timed('stats', () => ledger.stats({ asOf }));
  }
  return worst;
}

/** Some times from the first event to the last. */
async function instants(database) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(
    'select min(recorded_at) as first, max(recorded_at) as last from jobledger.events',
  );
  await client.end();
  const [first, last] = [rows[0].first.getTime(), rows[0].last.getTime()];
  return [0.1, 0.3, 0.5, 0.7, 0.9, 0.99].map((part) => new Date(first + (last - first) * part));
}

/** Runs something that gives a number of events; gives its rate and the most memory meanwhile. */
async function measured(run) {
  let rss = 0;
  let ended = false;
  const watch = (async () => {
    for (; !ended; await pause(10)) rss = Math.max(rss, process.memoryUsage.rss());
  })();
  const began = now();
  const events = await run();
  const seconds = (now() - began) / 1_000;
  ended = true;
  await watch;
  return { events, seconds, rate: events / seconds, rss };
}

/** Every event as a plain reader gets it, in order, partition by partition; nothing is made of it. */
async function readAll(database) {
  const client = new pg.Client({ connectionString: database, options: '-c timezone=UTC' });
  await client.connect();
  const { rows } = await client.query('select partitions from jobledger.ledger');
  let events = 0;
  for (let partition = 0; partition < rows[0].partitions; partition += 1) {
    for (let at = 0, found = PAGE; found === PAGE; at += found, events += found) {
      const page = await client.query(
        `select partition, position, stream_id, version, type, schema_version, kind, queue, data, meta,
          to_char(recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded_at
        from jobledger.events_${partition} where partition = ${partition} and position > $1
          order by position limit ${PAGE}`,
        [at],
      );
      found = page.rows.length;
    }
  }
  await client.end();
  return events;
}
