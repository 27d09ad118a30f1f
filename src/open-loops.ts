import type { RelayOptions } from './api-kafka.js';
import type { Projection } from './api-projector.js';
import type { WorkerOptions } from './api-worker.js';
import { openRelay } from './kafka/open-relay.js';
import type { Store } from './ledger/store.js';
import { Listener } from './ledger/wake.js';
import { Projector } from './projector/projector.js';
import { detached } from './tracing.js';
import { Worker } from './worker/worker.js';

type FollowUp = ConstructorParameters<typeof Worker>[2];

/** What runs in this process until it is stopped, and the ear that it all has in common. */
export class OpenLoops {
  readonly #store: Store;
  readonly #listener: Listener;
  readonly #loops = new Set<{ stop(): Promise<void> }>();
  #listening = false;

  constructor(store: Store) {
    this.#store = store;
    this.#listener = new Listener(store);
  }

  worker(options: WorkerOptions, followUp: FollowUp): Worker {
    return this.#keep(new Worker(this.#store, options, followUp));
  }

  projector(projections: readonly Projection[]): Projector {
    return this.#keep(new Projector(this.#store, projections));
  }

  relay(options: RelayOptions) {
    return this.#keep(openRelay(this.#store, options));
  }

  /** All of them, though one fails; gives the first failure. */
  async stop(): Promise<PromiseRejectedResult | undefined> {
    const stopped = await Promise.allSettled([...this.#loops].map((loop) => loop.stop()));
    return stopped.find((one) => one.status === 'rejected');
  }

  /** When nothing is waited for any more. */
  async deafen(): Promise<void> {
    await this.#listener.stop();
  }

  #keep<T extends { stop(): Promise<void> }>(loop: T): T {
    this.#loops.add(loop);
    if (!this.#listening) detached(() => this.#listener.start());
    this.#listening = true;
    return loop;
  }
}
