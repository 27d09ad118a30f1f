import type { LedgerRelay } from '../../src/index.js';
import type { Origin } from '../consumer/scene.js';
import { ownName } from '../support/kafka.js';
import type { Site } from '../worker/site.js';

/** A topic of the test's own, to which a relay publishes. Groups are its own too. */
export function fromTopic(brokers: readonly string[]): Origin & { readonly topic: string } {
  const topic = ownName('consumer');
  const kafka = { brokers, topic };
  const relays = new Map<Site['ledger'], LedgerRelay>();
  const publish = async ({ ledger }: Site) => {
    let relay = relays.get(ledger);
    if (relay === undefined) relays.set(ledger, (relay = ledger.relay({ kafka })));
    await relay.catchUp();
  };
  return { topic, prefix: ownName('g'), options: () => ({ kafka }), publish };
}
