// A producer process of a chaos run: enqueues jobs of every kind, at a pace, and acts on some of them.
// Its n-th act follows from the seed; after a kill its successor goes on behind the last act that was
// begun. Every id is recorded before it is asked for, every answer after it came. Argument: its
// orders as JSON. SIGTERM: no more acts; it ends when those begun have ended.
import { setTimeout as pause } from 'node:timers/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { act } from '../kinds.mjs';
import { load } from '../program.mjs';
import { idOf, randomOf } from '../random.mjs';
import { readRecords, recorder } from '../records.mjs';

const orders = JSON.parse(process.argv[2]);
// Its end of the line is closed when the run has died: nobody is to go on then.
process.stdin.resume().on('end', () => process.exit(1));
const { openLedger } = await load(orders.program, 'index.js');
const pg = createRequire(join(orders.program, 'dist/index.js'))('pg');
const begun = readRecords(orders.records)('begun').filter((one) => one.name === orders.name);
const tell = recorder(orders.records, orders.name);
const BY = { actor: orders.name, reason: 'chaos' };

let stopping = false;
process.once('SIGTERM', () => (stopping = true));
const ledger = await opened();
// Strangers of ours: the callers' own transactions.
const pool = new pg.Pool({ connectionString: orders.url, max: 4, connectionTimeoutMillis: 5_000 });
pool.on('error', () => {});
pool.on('connect', (client) => client.on('error', () => {}));
console.log('ready');

const open = new Set();
for (let n = begun.length + 1; !stopping; n += 1) {
  tell('begun', { name: orders.name, n });
  const one = perform(n).finally(() => open.delete(one));
  open.add(one);
  await pause(1_000 / orders.perSecond);
  while (open.size >= 32) await Promise.race(open);
}
await Promise.all(open);
await ledger.close();
await pool.end();
process.exit(0);

async function opened() {
  for (;;) {
    try {
      return await openLedger({ database: orders.url, logger: false, ...orders.ledger });
    } catch {
      await pause(200);
    }
  }
}

async function perform(n) {
  const random = randomOf(orders.seed, orders.name, n);
  const id = idOf(orders.seed, orders.name, n);
  const planned = act(random, n);
  const { kind } = planned;
  try {
    if (kind === 'bulk') await enqueueAll(id, planned, random);
    else if (kind === 'transactional' || kind === 'sql') await inTransaction(id, planned);
    else await enqueueOne(id, planned, random);
  } catch (error) {
    tell('trouble', { id, kind, code: error.code, text: error.message });
  }
}

async function enqueueOne(id, { kind, payload, options, then }, random) {
  tell('asked', { id, kind, how: 'enqueue' });
  const answer = await untilKnown(random, id, () =>
    ledger.enqueue(kind, payload, { ...options, id }),
  );
  if (answer === undefined) return;
  tell('acked', { id, given: answer.id, created: answer.created });
  if (then !== undefined && answer.created) await operate(answer.id, then);
}

async function enqueueAll(id, { payload, options, count, atomic }, random) {
  const ids = Array.from({ length: count }, (_, n) => idOf(id, n));
  for (const one of ids)
    tell('asked', { id: one, kind: 'bulk', how: 'bulk', group: atomic ? id : undefined });
  const items = ids.map((one) => ({ job: 'bulk', payload, ...options, id: one }));
  const answer = await untilKnown(random, id, () => ledger.enqueueMany(items, { atomic }));
  for (const { id: given, created } of answer ?? []) tell('acked', { id: given, given, created });
}

/** After an unknown outcome mostly asks again, with the same id. */
async function untilKnown(random, id, ask) {
  const again = random.chance(0.7);
  for (let round = 1; ; round += 1) {
    try {
      return await ask();
    } catch (error) {
      tell('unknown', { id, code: error.code, text: error.message });
      if (!again || round === 10 || ['UNIQUE_KEY_BUSY', 'UNIQUE_KEY_TAKEN'].includes(error.code))
        return undefined;
      await pause(300);
    }
  }
}

/** The job, and a row of the caller's own: both or neither. */
async function inTransaction(id, { kind, payload, options, rollBack, holdMs }) {
  const client = await pool.connect();
  let broken;
  try {
    await client.query('begin');
    tell('asked', { id, kind, how: 'transaction' });
    await client.query('insert into shop.orders(job) values ($1)', [id]);
    if (kind === 'sql') {
      const text =
        'insert into jobledger.inbox(kind, job_id, payload, max_attempts) values ($1, $2, $3, $4)';
      await client.query(text, [kind, id, payload, options.maxAttempts]);
    } else await ledger.enqueue(kind, payload, { ...options, id, transaction: client });
    await pause(holdMs);
    await client.query(rollBack ? 'rollback' : 'commit');
    tell(rollBack ? 'rolled-back' : 'committed', { id });
  } catch (error) {
    broken = error;
    throw error;
  } finally {
    client.release(broken);
  }
}

async function operate(id, { what, afterMs, extra, beside }) {
  if (what === 'retry') return retry(id, extra, beside);
  await pause(afterMs);
  const calls = {
    cancel: () => ledger.cancel(id, BY),
    discard: () => ledger.discard(id, BY),
    reschedule: () => ledger.reschedule(id, { ...BY, runAt: new Date() }),
    reprioritize: () => ledger.reprioritize(id, { ...BY, priority: -3 }),
  };
  await operated(id, what, calls[what]);
}

/** Waits for it to fail; then retries it, sometimes while somebody else cancels what is retried. */
async function retry(id, extraAttempts, beside) {
  for (let round = 0; round < 40; round += 1) {
    const job = await ledger.get(id).catch(() => undefined);
    if (job?.state === 'failed') break;
    await pause(200);
  }
  await Promise.all([
    operated(id, 'retry', () => ledger.retry(id, { ...BY, extraAttempts })),
    ...(beside ? [operated(id, 'cancel', () => ledger.cancel(id, BY))] : []),
  ]);
}

async function operated(id, what, call) {
  try {
    await call();
    tell('operated', { id, operation: what });
  } catch (error) {
    tell('refused', { id, operation: what, code: error.code });
  }
}
