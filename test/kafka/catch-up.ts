import type { KafkaOptions, Ledger } from 'jobledger';
import { eventually } from '../support/eventually.js';

/**
 * Publishes what the ledger holds by now, by a relay that ends with it. It is tried again: brokers
 * that have just made a topic may answer for a while that they know nothing of it.
 */
export async function catchUp(ledger: Ledger, kafka: KafkaOptions): Promise<void> {
  const attempt = async (): Promise<void> => {
    const relay = ledger.relay({ kafka });
    try {
      await relay.catchUp();
    } finally {
      await relay.stop();
    }
  };
  await eventually(attempt, { timeoutMs: 30_000, everyMs: 100 });
}
