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

/** The error for a ledger that has gone another way than its topic. */
export function diverged({ topic }: Source, place: string, what: string): LedgerError {
  return new LedgerError(
    'TOPIC_DIVERGED',
    `topic ${topic}: event ${place} of this ledger ${what}: they have gone different ways; 'jobledger epoch new' leaves what only the topic has, a mirror has to be made anew`,
  );
}
