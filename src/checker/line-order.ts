import type { Findings } from './findings.js';
import type { LoggedEvent } from './logged-event.js';
import type { Stream } from './stream.js';

/**
 * Whether the starts of a partition keep the line, as far as the log alone can tell. A job that was
 * never delayed nor moved stands where its first event stands: among such jobs of one kind, queue
 * and priority, first attempts start in that order. Within one claim more urgent jobs come first.
 * Where a job joined the line without an event (promotion), the log does not say its place.
 */
export class LineOrder {
  /** Starts that could be held against an earlier one. */
  compared = 0;
  readonly #findings: Findings;
  readonly #latest = new Map<string, Stream>();
  #claim: { readonly name: string; readonly priority: number } | undefined;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** The job has just started. */
  started(job: Stream, event: LoggedEvent): void {
    this.#withinClaim(job, event);
    if (job.attempt > 1 || !job.inFirstPlace) return;
    const line = JSON.stringify([job.queue, job.kind, job.priority]);
    const before = this.#latest.get(line);
    if (before !== undefined) this.compared += 1;
    if (before !== undefined && before.position > job.position) {
      const text = `stands at ${job.position}, starts after job ${before.id} at ${before.position}`;
      this.#findings.add('overtaken', event, text);
    } else this.#latest.set(line, { ...job });
  }

  #withinClaim(job: Stream, event: LoggedEvent): void {
    const name = `${job.worker}/${job.claim}`;
    const { priority } = job;
    const last = this.#claim?.name === name ? this.#claim : undefined;
    if (last !== undefined) this.compared += 1;
    if (last !== undefined && last.priority > priority) {
      const text = `priority ${priority} starts after ${last.priority} in claim ${name}`;
      this.#findings.add('overtaken', event, text);
    }
    this.#claim = { name, priority };
  }
}
