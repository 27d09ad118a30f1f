import type { RelayOptions } from '../api-kafka.js';
import { LedgerError } from '../errors.js';
import { integerProblem } from '../job/limits.js';
import { refuseMirror } from '../ledger/role.js';
import type { Store } from '../ledger/store.js';
import { connectKafka } from './kafkajs/connect.js';
import { Relay } from './relay.js';
import { kafkaSettings } from './settings.js';

/** A relay of this process, not yet started. Throws `BAD_CONFIG`. */
export function openRelay(
  store: Store,
  { kafka, mayForget = false, leaseMs = 15_000 }: RelayOptions,
): Relay {
  const settings = kafkaSettings(kafka);
  const problem = integerProblem('leaseMs', leaseMs, 1_000, 600_000);
  if (problem !== undefined) throw new LedgerError('BAD_CONFIG', problem);
  const open = async () => {
    await refuseMirror(store, 'relay');
    const client = await connectKafka(settings, store.log);
    return { store, client, reader: client.reader(settings.topic), topic: settings.topic };
  };
  return new Relay(store, open, { mayForget, leaseMs });
}
