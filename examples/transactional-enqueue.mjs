// A job in the caller's own transaction: it exists exactly if the transaction commits.
import { setTimeout as pause } from 'node:timers/promises';
import { defineJob, openLedger } from 'jobledger';
import pg from 'pg';
import { z } from 'zod';

const confirmation = defineJob({
  kind: 'order.confirm',
  payload: z.object({ orderId: z.number() }),
});

const confirm = confirmation.handler(({ orderId }) => `order ${orderId} is confirmed`);

/** Writes an order and its job together. */
async function placeOrder(client, ledger, { item, stock }) {
  await client.query('begin');
  try {
    const inserted = await client.query('insert into orders(item) values ($1) returning id', [
      item,
    ]);
    const orderId = inserted.rows[0].id;
    const { id } = await ledger.enqueue(confirmation, { orderId }, { transaction: client });
    if (stock === 0) throw new Error(`${item} is sold out`);
    await client.query('commit');
    return id;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

const ledger = await openLedger({ jobs: [confirmation] });
const client = new pg.Client(ledger.databaseUrl);
try {
  await client.connect();
  await client.query('create table if not exists orders(id serial primary key, item text)');
  await ledger.worker({ jobs: [confirm] }).start();

  await placeOrder(client, ledger, { item: 'a lamp', stock: 0 }).catch((error) => {
    console.log('rolled back:', error.message);
  });
  const id = await placeOrder(client, ledger, { item: 'a chair', stock: 3 });

  let job = await ledger.get(id);
  while (job?.state !== 'succeeded' && job?.state !== 'failed') {
    await pause(50);
    job = await ledger.get(id);
  }
  const { enqueued } = await ledger.stats();
  console.log(`jobs: ${enqueued}, result: ${job.result}`);
} finally {
  await client.end();
  await ledger.close();
}
