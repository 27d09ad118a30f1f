import type { Ledger, StateName } from '../index.js';
import { warn } from './print.js';
import { count } from './text.js';

/** Tells of jobs that wait where no live worker will take them, at most the given kind and queue. */
export async function warnUnattended(
  ledger: Ledger,
  only: { readonly kind?: string; readonly queue?: string } = {},
): Promise<void> {
  const { unattended } = await ledger.stats();
  for (const { kind, queue, waiting } of unattended) {
    if (only.kind !== undefined && only.kind !== kind) continue;
    if (only.queue !== undefined && only.queue !== queue) continue;
    warn(`no live worker for ${kind} in queue ${queue}: ${count(waiting, 'job')} waiting`);
  }
}

/** True for a job that will want a worker. */
export function isWaiting({ state }: { readonly state: StateName }): boolean {
  return state === 'available' || state === 'scheduled' || state === 'retrying';
}
