import type { Log } from '../job/define.js';
import { sqlState } from '../sql-errors.js';

/** Tells once that the store is away, and once that it is back; a standby can be read but is away. */
export class Outage {
  readonly #log: Log;
  #now: 'none' | 'away' | 'read-only' = 'none';

  constructor(log: Log) {
    this.#log = log;
  }

  failed(error: Error): void {
    const before = this.#now;
    this.#now = sqlState(error) === '25006' ? 'read-only' : 'away';
    if (before !== 'none') return;
    this.#log.warn(
      { code: 'STORE_AWAY', error: error.message },
      'the store does not answer; waiting',
    );
  }

  answered(wrote: boolean): void {
    if (this.#now === 'none' || (this.#now === 'read-only' && !wrote)) return;
    this.#now = 'none';
    this.#log.warn({ code: 'STORE_BACK' }, 'the store answers again');
  }
}
