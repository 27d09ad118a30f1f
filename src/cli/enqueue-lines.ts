import { setImmediate as nextTurn } from 'node:timers/promises';
import { isLedgerError, LedgerError } from '../errors.js';
import type { Enqueued, EnqueueItem, EnqueueOptions, Ledger } from '../index.js';
import { EXIT } from './exit-codes.js';
import { ndjsonJobs, type NdjsonJob } from './ndjson.js';
import { badInput } from './parse.js';
import { print, printJson, warn } from './print.js';

/** Most lines and bytes sent and not yet answered; beyond it reading waits. */
const WINDOW_LINES = 2_000;
const WINDOW_BYTES = 8 * 1024 * 1024;
/** One transaction is held in memory, here and in the server. */
const ATOMIC_LINES = 100_000;
const ATOMIC_BYTES = 64 * 1024 * 1024;

/** How lines are enqueued: what each has unless it says otherwise, and how to answer. */
export interface LinesOptions {
  readonly defaults: EnqueueOptions;
  readonly json: boolean;
}

/**
 * Enqueues an NDJSON stream in flat memory, each line answered by one line, in order. A bad line
 * ends it: the lines before it are enqueued and answered, none behind it is sent. A line that is
 * refused for the state of things (its unique key is taken) is told, and the rest goes on.
 */
export async function enqueueLines(
  ledger: Ledger,
  input: AsyncIterable<Buffer>,
  options: LinesOptions,
): Promise<void> {
  const window = new Window(options.json);
  try {
    for await (const job of ndjsonJobs(input)) {
      await window.room();
      window.send(
        job,
        ledger.enqueue(job.kind, job.payload, withDefaults(options.defaults, job.options)),
      );
      // A faulty job is refused before anything is sent, within this turn: the next line must not
      // get ahead of that.
      await nextTurn();
      if (window.failure !== undefined) break;
    }
  } catch (error) {
    await window.settled();
    throw window.failed(error);
  }
  await window.settled();
  if (window.failure !== undefined) throw window.failed(window.failure);
}

/** A line that says when its job is due, in either way, wants nothing of a time beside it. */
function withDefaults(defaults: EnqueueOptions, own: EnqueueOptions): EnqueueOptions {
  const saysWhen = 'delay' in own || 'runAt' in own;
  const atOnce = { delay: undefined, runAt: undefined };
  return { ...defaults, ...(saysWhen ? atOnce : {}), ...own } as EnqueueOptions;
}

/** All lines in one transaction, or none. */
export async function enqueueAtomically(
  ledger: Ledger,
  input: AsyncIterable<Buffer>,
  options: LinesOptions,
): Promise<void> {
  const jobs: NdjsonJob[] = [];
  let bytes = 0;
  for await (const job of ndjsonJobs(input)) {
    bytes += job.bytes;
    jobs.push(job);
    if (jobs.length > ATOMIC_LINES || bytes > ATOMIC_BYTES) {
      throw badInput(
        `line ${job.line}: expected at most ${ATOMIC_LINES} lines and ${ATOMIC_BYTES} bytes with --atomic`,
      );
    }
  }
  const items = jobs.map(({ kind, payload, options: own }): EnqueueItem => ({
    ...withDefaults(options.defaults, own),
    job: kind,
    payload,
  }));
  const answers = await ledger.enqueueMany(items, { atomic: true }).catch((error: unknown) => {
    throw atLine(error, jobs);
  });
  for (const answer of answers) await printEnqueued(answer, options.json);
}

/** One line for an enqueued job: its id, its short id, and what there is to know beside. */
export function printEnqueued(answer: Enqueued, json: boolean): Promise<void> {
  if (json) return printJson(answer);
  const note = answer.created ? '' : `  already there, ${answer.state}`;
  return print(`${answer.id}  ${answer.shortId ?? 'inbox'}${note}`);
}

/** Lines that were sent and not yet answered. Answers are printed in the order of the lines. */
class Window {
  readonly #json: boolean;
  #lines = 0;
  #bytes = 0;
  #enqueued = 0;
  #lost = 0;
  #answered = Promise.resolve();
  #waiting: (() => void) | undefined;
  /** The first fault that ends the stream, with the number of its line. */
  failure: LedgerError | undefined;

  constructor(json: boolean) {
    this.#json = json;
  }

  send(job: NdjsonJob, answer: Promise<Enqueued>): void {
    this.#lines += 1;
    this.#bytes += job.bytes;
    answer.catch((error: unknown) => this.#note(job, error));
    this.#answered = this.#answered.then(() => this.#settle(job, answer));
  }

  /** Settles when there is room for another line. */
  async room(): Promise<void> {
    while (this.#lines >= WINDOW_LINES || this.#bytes >= WINDOW_BYTES) {
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }

  settled(): Promise<void> {
    return this.#answered;
  }

  /** The fault with what became of the other lines, for the user to go on from. */
  failed(error: unknown): unknown {
    if (!isLedgerError(error)) return error;
    const others = this.#lost > 1 ? `, ${this.#lost - 1} more sent with it are not` : '';
    const are = this.#enqueued === 1 ? 'line is' : 'lines are';
    const told = `${error.message.replace(/\.$/, '')}; ${this.#enqueued} ${are} enqueued${others}`;
    return new LedgerError(error.code, told, { cause: error });
  }

  #note(job: NdjsonJob, error: unknown): void {
    if (isLedgerError(error) && error.answer === 'refused') return;
    this.#lost += 1;
    this.failure ??= isLedgerError(error)
      ? new LedgerError(error.code, `line ${job.line}: ${error.message}`, { cause: error })
      : new LedgerError('INTERNAL', `line ${job.line}: ${String(error)}`, { cause: error });
  }

  async #settle(job: NdjsonJob, answer: Promise<Enqueued>): Promise<void> {
    try {
      await printEnqueued(await answer, this.#json);
      this.#enqueued += 1;
    } catch (error) {
      await this.#tell(job, error);
    }
    this.#lines -= 1;
    this.#bytes -= job.bytes;
    this.#waiting?.();
  }

  async #tell({ line }: NdjsonJob, error: unknown): Promise<void> {
    if (!isLedgerError(error)) return;
    const { code, message, jobId } = error;
    if (this.#json) await printJson({ line, error: { code, message, jobId } });
    if (error.answer !== 'refused') return;
    if (!this.#json) warn(`line ${line}: ${message}`);
    process.exitCode = EXIT.no;
  }
}

/** `items[2]: …` of enqueueMany as the line that item came from. */
function atLine(error: unknown, jobs: readonly NdjsonJob[]): unknown {
  if (!isLedgerError(error)) return error;
  const [prefix, index] = /^items\[(\d+)\]: /.exec(error.message) ?? [];
  const job = jobs[Number(index)];
  if (prefix === undefined || job === undefined) return error;
  const message = `line ${job.line}: ${error.message.slice(prefix.length)}`;
  return new LedgerError(error.code, message, { cause: error });
}
