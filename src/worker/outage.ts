import type { Log } from '../job/define.js';
import { sqlState } from '../sql-errors.js';

/**
 * Tells once that the store is away, once that it has become a standby, which can be read but is away
 * until a write goes through, and once that it is back.
 */
export class Outage {
  readonly #log: Log;
  #now: 'none' | 'away' | 'read-only' = 'none';

  constructor(log: Log) {
    this.#log = log;
  }

  failed(error: Error): void {
    const now = sqlState(error) === '25006' ? 'read-only' : 'away';
    // A standby that does not answer either is no news.
    if (this.#now === now || this.#now === 'read-only') return;
    this.#now = now;
    this.#log.warn({ code: 'STORE_AWAY', error: error.message }, TEXTS[now]);
  }

  answered(wrote: boolean): void {
    if (this.#now === 'none' || (this.#now === 'read-only' && !wrote)) return;
    this.#now = 'none';
    this.#log.warn({ code: 'STORE_BACK' }, 'the store answers again');
  }
}

const TEXTS = {
  away: 'the store does not answer; waiting',
  'read-only': 'the store is a standby or read-only; waiting',
} as const;
