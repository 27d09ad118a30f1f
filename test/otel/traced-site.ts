import { afterAll, beforeAll, expect } from 'vitest';
import { openLedger, type Ledger } from '../../src/index.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startOtlp, type OtlpReceiver, type ReceivedSpan } from '../support/otlp.js';
import { startChild, type TestProcess } from '../support/processes.js';

/** A database, a receiver of spans, and processes that send it theirs. */
export interface TracedSite {
  readonly database: TestDatabase;
  readonly receiver: OtlpReceiver;
  /** A ledger of the test's own, which makes no spans. */
  readonly ledger: Ledger;
  /** A process with a worker, unless told otherwise. */
  start(options?: {
    readonly worker?: object | false;
    readonly projector?: true;
  }): Promise<TracedChild>;
  /** The one span that fits, as soon as it is there. */
  span(fits: (one: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  /** The span of an attempt. */
  attempt(jobId: string, attempt: number): Promise<ReceivedSpan>;
  /** The span that enqueued it. */
  sendOf(span: ReceivedSpan): Promise<ReceivedSpan>;
}

export interface TracedChild extends TestProcess {
  /** Has it carry out a command, and gives what it answers. */
  ask(command: object): Promise<string>;
  /** Ends it well: everything it has is sent. */
  stop(): Promise<void>;
}

/** One site for all tests of a file. */
export function tracedSite(): TracedSite {
  let database: TestDatabase;
  let receiver: OtlpReceiver;
  let ledger: Ledger;
  beforeAll(async () => {
    [database, receiver] = await Promise.all([createDatabase(), startOtlp()]);
    ledger = await openLedger({ database: database.url, logger: false });
  });
  afterAll(async () => {
    await ledger.close();
    await receiver.close();
    await database.drop();
  });
  const span = (fits: (one: ReceivedSpan) => boolean): Promise<ReceivedSpan> =>
    eventually(
      async () => {
        const found = receiver.spans.filter(fits);
        expect(found).toHaveLength(1);
        return found[0]!;
      },
      { timeoutMs: 15_000 },
    );
  return {
    get database() {
      return database;
    },
    get receiver() {
      return receiver;
    },
    get ledger() {
      return ledger;
    },
    span,
    start: (options = {}) => startTraced(database.url, receiver.env, options),
    attempt: (jobId, number) =>
      span(
        ({ attributes: has }) =>
          has['messaging.message.id'] === jobId && has['jobledger.attempt'] === number,
      ),
    sendOf: ({ links }) => {
      const link = links.find(({ attributes }) => attributes['jobledger.link'] === 'enqueue');
      return span(({ spanId }) => spanId === link?.spanId);
    },
  };
}

async function startTraced(url: string, env: OtlpReceiver['env'], options: object) {
  const child = startChild('traced.mjs', { args: [JSON.stringify({ url, ...options })], env });
  await child.waitForLine('ready');
  const answers = () => child.lines.filter((line) => line.startsWith('answer '));
  const ask = async (command: object): Promise<string> => {
    const before = answers().length;
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const answer = await eventually(async () => {
      expect(answers().length).toBe(before + 1);
      return answers().at(-1)!;
    });
    return answer.slice('answer '.length);
  };
  const stop = async (): Promise<void> => {
    child.stdin.write('stop\n');
    await child.waitForLine('closed');
  };
  return { ...child, ask, stop };
}
