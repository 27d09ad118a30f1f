import type { RelayOptions } from '../api-kafka.js';
import type { Store } from '../ledger/store.js';
import { connectKafka } from './kafkajs/connect.js';
import { Relay } from './relay.js';
import { kafkaSettings } from './settings.js';

/** A relay of this process, not yet started. Throws `BAD_CONFIG`. */
export function openRelay(store: Store, { kafka, mayForget }: RelayOptions): Relay {
  const settings = kafkaSettings(kafka);
  const open = async () => {
    const client = await connectKafka(settings, store.log);
    return { store, client, reader: client.reader(settings.topic), topic: settings.topic };
  };
  return new Relay(store, open, { mayForget });
}
