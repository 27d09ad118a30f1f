import { expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { TracedSite } from './traced-site.js';

/**
 * Runs a chain of jobs each of which enqueues the next, and gives how many spans each trace has that
 * holds any of it. `own`: whether handlers use the ledger itself instead of what their context has.
 */
export async function chainTraces(
  site: TracedSite,
  length: number,
  own: boolean,
): Promise<readonly number[]> {
  const child = await site.start();
  const before = new Set(site.receiver.spans);
  await child.ask({ command: 'enqueue', kind: 'chain', payload: { left: length - 1, own } });
  await eventually(async () => expect(child.lines).toContain('chain over'), {
    timeoutMs: 30_000 + length * 50,
  });
  await child.stop();
  const ours = site.receiver.spans.filter(
    (span) => !before.has(span) && ['send default', 'process default'].includes(span.name),
  );
  expect(ours).toHaveLength(2 * length);
  const perTrace = new Map<string, number>();
  for (const { traceId } of ours) perTrace.set(traceId, (perTrace.get(traceId) ?? 0) + 1);
  return [...perTrace.values()];
}
