import type { LedgerProjections } from '../api-projections.js';

type Call = <T>(call: () => Promise<T>) => Promise<T>;

/** The same, each call of which passes through another: that of the open ledger. */
export function guarded(inner: LedgerProjections, call: Call): LedgerProjections {
  return {
    status: (...given) => call(() => inner.status(...given)),
    rebuild: (...given) => call(() => inner.rebuild(...given)),
    rollback: (...given) => call(() => inner.rollback(...given)),
    pause: (...given) => call(() => inner.pause(...given)),
    resume: (...given) => call(() => inner.resume(...given)),
    drop: (...given) => call(() => inner.drop(...given)),
    parked: (...given) => call(() => inner.parked(...given)),
    unpark: (...given) => call(() => inner.unpark(...given)),
    rows: (...given) => call(() => inner.rows(...given)),
    verify: (...given) => call(() => inner.verify(...given)),
  };
}
