// Scenes in which one fence is needed, each forced by signals and locks, none left to luck. A scenario
// plays on a stage: a fresh ledger of its own, with the program that the performance gives it.
import { until } from './scene.mjs';

const BY = { actor: 'chaos', reason: 'mutant' };
const SOON = { type: 'fixed', baseMs: 0, jitter: 'none' };

/** Two operators decide on the same version of one job, and both wait for the partition. */
export async function twoCommandsAtOnce({ openLedger, ask, connect }) {
  const [one, other] = [await openLedger(), await openLedger()];
  const { id } = await one.enqueue('nobody', {});
  const stranger = await lockPartition(connect, ask, id);
  const commands = [
    one.reprioritize(id, { ...BY, priority: 3 }),
    other.reprioritize(id, { ...BY, priority: 5 }),
  ];
  await until('both wait for the partition', () => waiting(ask, 2));
  await stranger.query('commit');
  await stranger.end();
  // Without the fence one of them may fail on what it finds: the ledger is what is judged.
  await Promise.allSettled(commands);
}

/** A worker stands still beyond its lease, the job is tried again, and then the first outcome comes. */
export async function lateOutcome({ openLedger, startWorker, ask, crew }) {
  const ledger = await openLedger();
  await startWorker('sleeper', { maintenance: false });
  // The second attempt lasts until the first has told its outcome, however long that takes.
  const { id } = await ledger.enqueue('plain', { ms: 3_000, laterMs: 60_000 }, { retry: SOON });
  await until('it runs', () => has(ask, id, 'AttemptStarted', 1));
  crew.signal('sleeper', 'SIGSTOP');
  await startWorker('taker');
  await until('it runs again', () => has(ask, id, 'AttemptStarted', 2));
  crew.signal('sleeper', 'SIGCONT');
  await until('the late outcome is in', async () => {
    const types = await typesOf(ask, id);
    return types.includes('OutcomeRejected') || types.includes('AttemptSucceeded');
  });
  await crew.dismiss('taker', 'SIGTERM');
}

/** A caller enqueues in his transaction, writes rows of his own, and takes it all back. */
export async function rolledBackEnqueue({ openLedger, startWorker, connect, ask, tell, newId }) {
  const ledger = await openLedger();
  await startWorker('mover');
  for (const end of ['rollback', 'commit']) {
    const id = newId(end);
    const caller = await connect();
    await caller.query('begin');
    await caller.query('insert into shop.orders(job) values ($1)', [id]);
    tell('asked', { id, kind: 'transactional', how: 'transaction' });
    await ledger.enqueue('transactional', {}, { id, transaction: caller });
    await caller.query(end);
    await caller.end();
    tell(end === 'commit' ? 'committed' : 'rolled-back', { id });
    if (end === 'commit') await until('it is done', () => has(ask, id, 'AttemptSucceeded'));
  }
  await until(
    'the inbox is empty',
    async () => (await ask('select from jobledger.inbox')).length === 0,
  );
}

/** The reaper records a loss while somebody else is about to append to the same partition. */
export async function lossBesideAppend({ openLedger, startWorker, connect, ask, crew }) {
  const { id, ledger } = await orphan({ openLedger, startWorker, ask, crew });
  const stranger = await lockPartition(connect, ask, id);
  // As an enqueue of ours does it, but slower.
  await stranger.query(APPEND, [id]);
  await startWorker('reaper');
  await until(
    'the reaper waits, or has not waited',
    async () => (await waiting(ask, 1)) || has(ask, id, 'AttemptLost'),
  );
  await stranger.query('commit');
  await stranger.end();
  await until('the loss is in', () => has(ask, id, 'AttemptLost'));
  await ledger.close();
}

/** Two processes reap the same lost attempt, each having decided before the other appends. */
export async function twoReapersAtOnce({ openLedger, startWorker, connect, ask, crew, mayWait }) {
  const { id } = await orphan({ openLedger, startWorker, ask, crew });
  const stranger = await lockPartition(connect, ask, id);
  await Promise.all(['reaper-1', 'reaper-2'].map((name) => startWorker(name)));
  await until('one reaper waits', () => waiting(ask, 1));
  // With one leader there never is a second one to wait for.
  await until('the other waits', () => waiting(ask, 2), mayWait).catch(() => {});
  await stranger.query('commit');
  await stranger.end();
  await until('the loss is in', () => has(ask, id, 'AttemptLost'));
  await until(
    'nothing is held',
    async () => (await ask('select from jobledger.leases')).length === 0,
  );
}

/** A job whose worker was killed while it ran; nobody is there to notice. */
async function orphan({ openLedger, startWorker, ask, crew }) {
  const ledger = await openLedger();
  await startWorker('doomed', { maintenance: false });
  // Its last attempt, so that no dispatch row of a retry stands in the way of a second loss.
  const { id } = await ledger.enqueue('plain', { ms: 60_000 }, { maxAttempts: 1 });
  await until('it runs', () => has(ask, id, 'AttemptStarted'));
  await crew.dismiss('doomed', 'SIGKILL');
  return { id, ledger };
}

/** A stranger's transaction that holds the job's partition. */
async function lockPartition(connect, ask, id) {
  const [{ partition }] = await ask(
    'select partition from jobledger.events where stream_id = $1 limit 1',
    [id],
  );
  const stranger = await connect();
  await stranger.query('begin');
  await stranger.query(
    `select pg_advisory_xact_lock(('x' || left(id::text, 8))::bit(32)::int, $1::int) from jobledger.ledger`,
    [partition],
  );
  return stranger;
}

/** A job appended to the partition of another, as the ledger itself would. */
const APPEND = `with head as (
    select partition, max(position) + 1 as position, clock_timestamp() as at,
      overlay(gen_random_uuid()::text placing right($1::text, 2) from 35)::uuid as id
    from jobledger.events
    where partition = (select partition from jobledger.events where stream_id = $1::uuid limit 1)
    group by partition),
  appended as (
    insert into jobledger.events
    select partition, position, id, 1, 'JobEnqueued', 1, 'nobody', 'default',
      '{"payload": {}, "priority": 0, "maxAttempts": 1, "timeoutMs": null}', '{}', at from head)
  insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
  select id, position, 0, 0, 1, 1, partition, 0, 'default', 'nobody' from head`;

async function waiting(ask, sessions) {
  const rows = await ask(
    `select from pg_stat_activity where application_name = 'jobledger' and wait_event_type = 'Lock'
      and datname = current_database()`,
  );
  return rows.length >= sessions;
}

async function typesOf(ask, id) {
  const rows = await ask(
    'select type::text from jobledger.events where stream_id = $1 order by position',
    [id],
  );
  return rows.map(({ type }) => type);
}

async function has(ask, id, type, times = 1) {
  return (await typesOf(ask, id)).filter((one) => one === type).length >= times;
}
