// Consumes a topic until it is killed, an effect in a few milliseconds. Arguments: the service's
// database, the Kafka options as JSON, and the group.
import { setTimeout as pause } from 'node:timers/promises';
import { consumeEvents } from '../../../dist/index.js';

const [database, kafka, group] = process.argv.slice(2);
const consumer = await consumeEvents({
  ...{ group, database, kafka: JSON.parse(kafka), migrate: true, logger: false },
  handler: async ({ partition, position, type, streamId }, { transaction, attempt }) => {
    await transaction.query(
      'insert into effects(partition, position, type, job_id, attempt) values ($1, $2, $3, $4, $5)',
      [partition, position, type, streamId, attempt],
    );
    await pause(2);
  },
});
await consumer.start();
