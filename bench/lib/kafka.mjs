import { Kafka, logLevel } from 'kafkajs';

/** kafkajs as it comes, but quiet: while coordinators load, it logs what it only has to retry. */
export function quietKafka({ brokers }) {
  return new Kafka({ brokers, clientId: 'bench', logLevel: logLevel.NOTHING });
}
