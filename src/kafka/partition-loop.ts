import { Loop } from '../service.js';

/** From one look at a partition to the next where nothing says that there is anything, in milliseconds. */
const IDLE_MS = 60_000;
/** How long it rests after the first failure, and at most; twice as long each time. */
const FIRST_REST_MS = 500;
const MOST_REST_MS = 10_000;

/**
 * Publishes a partition until there is no more, then waits to be woken. After a failure it rests, and
 * nothing wakes it: a broker that is away, or a topic that is refused, is not asked at every new event.
 */
export class PartitionLoop {
  readonly #publish: () => Promise<number>;
  readonly #failed: (error: unknown) => void;
  readonly #loop = new Loop(
    () => this.#pass(),
    () => {},
  );
  #failures = 0;

  /** `publish` sends what is there and gives how many events it was. */
  constructor(publish: () => Promise<number>, failed: (error: unknown) => void) {
    this.#publish = publish;
    this.#failed = failed;
  }

  start(): void {
    this.#loop.start();
  }

  /** Tells whether it heeds it. */
  wake(): boolean {
    if (this.#failures > 0) return false;
    this.#loop.wake();
    return true;
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #pass(): Promise<number> {
    try {
      const sent = await this.#publish();
      this.#failures = 0;
      return sent > 0 ? 0 : IDLE_MS;
    } catch (error) {
      this.#failures += 1;
      this.#failed(error);
      return Math.min(MOST_REST_MS, FIRST_REST_MS * 2 ** (this.#failures - 1));
    }
  }
}
