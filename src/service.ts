import { detached } from './tracing.js';

/**
 * The contract of every loop: `start` begins, `wake` runs the next pass at once, `stop` waits for
 * the pass in flight and ends. All may be called twice, and in any order.
 */
export class Loop {
  readonly #pass: () => Promise<number>;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #woken = false;
  #started = false;

  /** `pass` gives the milliseconds to sleep after it; after a failure the loop rests a second. */
  constructor(pass: () => Promise<number>, failed: (error: unknown) => void) {
    this.#pass = pass;
    this.#failed = failed;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#sleep(0);
  }

  wake(): void {
    if (!this.#started) return;
    if (this.#running !== undefined) this.#woken = true;
    else this.#sleep(0);
  }

  async stop(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = detached(() => this.#run());
    }, ms);
  }

  async #run(): Promise<void> {
    this.#woken = false;
    let restMs = FAILURE_REST_MS;
    try {
      restMs = await this.#pass();
    } catch (error) {
      this.#failed(error);
    }
    this.#running = undefined;
    if (this.#started) this.#sleep(this.#woken ? 0 : restMs);
  }
}

const FAILURE_REST_MS = 1_000;

/** The same work, never twice at once: who asks meanwhile waits for his turn. */
export function inTurn<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}
