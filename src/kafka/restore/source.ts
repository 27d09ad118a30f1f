import { LedgerError } from '../../errors.js';
import type { KafkaRecord, TopicReader } from '../client.js';
import { fromRecord, type Published } from '../record.js';

/** A ledger's topic, to be read. */
export interface Source {
  readonly reader: TopicReader;
  readonly topic: string;
}

/** The event of a record. Throws `BAD_TOPIC` for a record that is none, or of another partition. */
export function publishedOf(source: Source, partition: number, record: KafkaRecord): Published {
  const found = fromRecord(record);
  if (typeof found === 'string') throw badTopic(source, `partition ${partition}: ${found}`);
  if (found.event.partition === partition) return found;
  const { position } = found.event;
  throw badTopic(
    source,
    `record ${record.offset} of partition ${partition} is event ${found.event.partition}/${position}, of another partition`,
  );
}

/** The error for a topic that is not what it should be. */
export function badTopic({ topic }: Source, problem: string): LedgerError {
  return new LedgerError('BAD_TOPIC', `topic ${topic}: ${problem}`);
}
