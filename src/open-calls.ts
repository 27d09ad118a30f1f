import { LedgerError } from './errors.js';
import { asStoreError } from './sql-errors.js';

/** Public calls on their way: which still may begin, and how their errors are told. */
export class OpenCalls {
  readonly #open = new Set<Promise<unknown>>();

  /** Resolves when all of them have answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  /** Tells errors of the store in one line. */
  async track<T>(call: () => Promise<T>): Promise<T> {
    const answer = call();
    this.#open.add(answer);
    try {
      return await answer;
    } catch (error) {
      throw asStoreError(error);
    } finally {
      this.#open.delete(answer);
    }
  }
}

/** The error of every call that comes too late. */
export function closed(): LedgerError {
  return new LedgerError('LEDGER_CLOSED', 'the ledger is closed');
}
