import type { JobFilter, Ledger } from '../index.js';
import { jobTrace, type JobTrace } from '../trace/job-trace.js';
import { recreate, type RecreatedSpan } from '../trace/recreate.js';

/** What an export sent. */
export interface Exported {
  readonly jobs: number;
  readonly spans: number;
  readonly traces: number;
  /** Jobs in the inbox, or whose first event this program cannot read: they have no spans. */
  readonly skipped: number;
}

/** Most jobs of one page of the read model, and about as many spans of one request. */
const PAGE = 100;

/** Sends the spans of all jobs that fit a filter, page by page. */
export async function exportMany(ledger: Ledger, filter: JobFilter): Promise<Exported> {
  return exportPages(ledger, pagesOf(ledger, filter));
}

/** Sends the spans of one job. */
export async function exportOne(ledger: Ledger, id: string): Promise<Exported> {
  return exportPages(ledger, [[id]]);
}

async function* pagesOf(ledger: Ledger, filter: JobFilter): AsyncGenerator<readonly string[]> {
  for (let cursor: string | undefined; ;) {
    const { jobs, next } = await ledger.listPage({ ...filter, limit: PAGE, cursor });
    yield jobs.map(({ id }) => id);
    if (next === null) return;
    cursor = next;
  }
}

async function exportPages(
  ledger: Ledger,
  pages: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
): Promise<Exported> {
  const { openSender } = await import('../otel/export.js');
  const sender = await openSender();
  const sent = { jobs: 0, spans: 0, skipped: 0 };
  const traces = new Set<string>();
  try {
    for await (const ids of pages) {
      const spans = new Map<string, RecreatedSpan>();
      for (const found of await Promise.all(ids.map((id) => spansOf(ledger, id)))) {
        sent[found.length === 0 ? 'skipped' : 'jobs'] += 1;
        // The span of a batch is that of all its jobs.
        for (const one of found) spans.set(`${one.span.traceId} ${one.span.spanId}`, one);
      }
      if (spans.size > 0) await sender.send([...spans.values()]);
      sent.spans += spans.size;
      for (const { span } of spans.values()) traces.add(span.traceId);
    }
  } finally {
    await sender.close();
  }
  return { ...sent, traces: traces.size };
}

async function spansOf(ledger: Ledger, id: string): Promise<RecreatedSpan[]> {
  const trace = await traceOf(ledger, id);
  if (trace === undefined) return [];
  const { causationId } = trace.enqueued.meta;
  const cause =
    causationId !== undefined && UUID.test(causationId)
      ? await traceOf(ledger, causationId)
      : undefined;
  return recreate(trace, cause);
}

/** Anything may be a cause; only a job's id leads to a job. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function traceOf(ledger: Ledger, id: string): Promise<JobTrace | undefined> {
  return jobTrace(await ledger.history(id));
}
