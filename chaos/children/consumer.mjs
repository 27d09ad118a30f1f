// A consumer process of a chaos run: its effect of an event is a row, written in the transaction that
// moves its position; that it was there is a record outside. Argument: its orders as JSON. Prints
// "ready" when it reads; SIGTERM ends it well.
import { setTimeout as pause } from 'node:timers/promises';
import { load } from '../program.mjs';
import { recorder } from '../records.mjs';

const orders = JSON.parse(process.argv[2]);
// Its end of the line is closed when the run has died: nobody is to go on then.
process.stdin.resume().on('end', () => process.exit(1));
const { consumeEvents } = await load(orders.program, 'index.js');
const tell = recorder(orders.records, orders.name);

async function handler({ partition, position }, { transaction }) {
  tell('handled', { partition, position });
  await transaction.query('insert into shop.effects(partition, position) values ($1, $2)', [
    partition,
    position,
  ]);
}

// Postgres and the broker may be away when a consumer is started.
for (;;) {
  const options = { ...orders.consumer, database: orders.url, handler };
  const consumer = await consumeEvents(options).catch(() => undefined);
  try {
    if (consumer === undefined) throw new Error('not open');
    await consumer.start();
    process.once('SIGTERM', () => void consumer.stop().then(() => process.exit(0), failed));
    console.log('ready');
    break;
  } catch {
    await consumer?.stop().catch(() => {});
    await pause(200);
  }
}

function failed(error) {
  console.error(error);
  process.exit(1);
}
