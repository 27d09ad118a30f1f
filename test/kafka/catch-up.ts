import type { KafkaOptions, Ledger } from 'jobledger';

/** Publishes what the ledger holds by now, by a relay that ends with it. */
export async function catchUp(ledger: Ledger, kafka: KafkaOptions): Promise<void> {
  const relay = ledger.relay({ kafka });
  try {
    await relay.catchUp();
  } finally {
    await relay.stop();
  }
}
