import { consumeEvents, type EventContext, type RecordedEvent } from '../index.js';
import { licenceOf } from './licences.js';
import type { FromService, ServiceOrders } from './messages.js';

/*
 * A small service beside the workers: it reads what is published and counts audits by licence, in a
 * table of its own. It knows the topic and its own database, and nothing of the ledger. It ends with
 * the channel to the demo, so that it never outlives it.
 */

const orders = JSON.parse(process.argv[2] ?? '{}') as ServiceOrders;

// Ctrl-C reaches every process of the terminal; the demo decides what becomes of this one.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

const consumer = await consumeEvents({
  group: orders.group,
  handler: countLicence,
  types: ['AttemptSucceeded'],
  database: orders.database,
  migrate: true,
  kafka: orders.kafka,
});
process.on('disconnect', () => void consumer.stop().then(() => process.exit(0)));
await consumer.start();
tell({ type: 'ready' });

/** The count and the position move in one transaction: each event counts once, whatever is killed. */
async function countLicence(event: RecordedEvent, { transaction }: EventContext): Promise<void> {
  const licence = licenceOf(event);
  if (licence === undefined) return;
  await transaction.query(
    `insert into demo_service.licences as counted(licence, audits) values ($1, 1)
      on conflict (licence) do update set audits = counted.audits + 1`,
    [licence],
  );
}

function tell(message: FromService): void {
  process.send?.(message);
}
