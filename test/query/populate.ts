import fc from 'fast-check';
import { expect } from 'vitest';
import {
  NonRetryableError,
  type Enqueued,
  type EnqueueItem,
  type Ledger,
} from '../../src/index.js';
import { jobs } from '../../projections/jobs.js';
import { eventually } from '../support/eventually.js';
import { job, QUICK, type Site } from '../worker/site.js';

/** Texts that break what is put together from text. */
export const HOSTILE = [
  ...[
    `it's`,
    `"quoted"`,
    '%_\\',
    `'; drop table jobs; --`,
    '$1',
    '😀',
    '{a,b}',
    'ÄRGER',
    '\\u0041',
  ],
];

const texts = fc.constantFrom('acme', 'umbrella', ...HOSTILE);

/** What a job of these tests is like; its handler does what `ends` says. */
export interface Sample {
  readonly kind: string;
  readonly queue: string;
  readonly tenant: string | undefined;
  readonly correlationId: string | undefined;
  readonly principal: string | undefined;
  readonly payload: { readonly ends: string; readonly text: string; readonly n: number };
}

/** Jobs of every sort. */
export function samples(count: number, seed: number): readonly Sample[] {
  const one = fc.record({
    kind: fc.constantFrom('a', 'b', `o'k`),
    queue: fc.constantFrom('default', 'q"2'),
    tenant: fc.option(texts, { nil: undefined }),
    principal: fc.option(texts, { nil: undefined }),
    correlationId: fc.option(texts, { nil: undefined }),
    payload: fc.record({
      ends: fc.constantFrom('well', 'not-found', 'unknown', 'later', 'waits'),
      text: texts,
      n: fc.integer({ min: 0, max: 3 }),
      deep: fc.record({ list: fc.array(fc.boolean(), { maxLength: 2 }), 'a b': fc.constant(null) }),
    }),
  });
  return fc.sample(one, { numRuns: count, seed });
}

/** Enqueues them and runs those that may run: some succeed, some fail for good or for now. */
export async function populate(site: Site, all: readonly Sample[]): Promise<readonly string[]> {
  const handle = (payload: Sample['payload']): string => {
    if (payload.ends === 'well') return 'done';
    const message = `${payload.ends} of ${payload.text}`;
    if (payload.ends === 'not-found') throw Object.assign(new Error(message), { status: 404 });
    if (payload.ends === 'unknown') throw new NonRetryableError(message);
    throw new Error(message);
  };
  const options = { maxAttempts: 5, retry: { type: 'fixed', baseMs: 3_600_000 } } as const;
  const kinds = [...new Set(all.map(({ kind }) => kind))];
  const items = all.map((sample): EnqueueItem => {
    const delay = sample.payload.ends === 'waits' ? 3_600_000 : 0;
    const { kind, ...rest } = sample;
    return { ...rest, job: kind, delay, retry: { ...options.retry, jitter: 'none' } };
  });
  const ids: string[] = [];
  // Not all at once, which would be one time for all.
  for (let at = 0; at < items.length; at += 10) {
    const made = await site.ledger.enqueueMany(items.slice(at, at + 10) as never);
    ids.push(...(made as readonly Enqueued[]).map(({ id }) => id));
  }
  const worker = site.ledger.worker({
    ...QUICK,
    jobs: kinds.map((kind) => job(kind, handle, options)),
    queues: ['default', 'q"2'],
  });
  await worker.start();
  await eventually(async () => {
    const { states } = await site.ledger.stats();
    expect(states.available + states.running).toBe(0);
  });
  await worker.stop();
  return ids;
}

/** Brings the read model up to date. */
export async function project(ledger: Ledger): Promise<void> {
  const projector = ledger.projector({ projections: [jobs] });
  await projector.catchUp();
  await projector.stop();
}

/** All pages, one after the other. */
export async function allPages(
  ledger: Ledger,
  filter: Parameters<Ledger['listPage']>[0],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await ledger.listPage({ ...filter, cursor });
    ids.push(...page.jobs.map(({ id }) => id));
    if (page.next === null) return ids;
    cursor = page.next;
  }
}
