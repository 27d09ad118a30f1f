import { AbandonedError } from './in-transaction.js';

/** How long a handler may go on after its signal has aborted, in milliseconds. */
const LAST_MS = 500;

/** Watches over the handler of one partition, which runs for one event at a time. */
export class Watch {
  #controller = new AbortController();
  #giveUp: ((error: Error) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for a handler, but not for ever. */
  async over(answer: Promise<unknown>, timeoutMs: number): Promise<void> {
    const abandoned = new Promise<never>((_, reject) => (this.#giveUp = reject));
    this.#timer = setTimeout(() => this.abort('timeout'), timeoutMs);
    try {
      await Promise.race([answer, abandoned]);
    } finally {
      clearTimeout(this.#timer);
      this.#giveUp = undefined;
    }
  }

  /** Tells the handler in hand to end, and soon waits for it no more. The next one gets another signal. */
  abort(reason: 'timeout' | 'shutdown'): void {
    const giveUp = this.#giveUp;
    if (giveUp === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => giveUp(new AbandonedError(`the handler did not end after its signal: ${reason}`)),
      LAST_MS,
    );
    const controller = this.#controller;
    this.#controller = new AbortController();
    controller.abort(reason);
  }
}
