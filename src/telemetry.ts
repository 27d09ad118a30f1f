/**
 * Every name that jobledger gives to telemetry, with its meaning, in one place; the tables of the
 * documentation are made from it. It follows OpenTelemetry's semantic conventions for messaging, version
 * 1.44 (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/), and puts what they have
 * no name for under `jobledger.`. It holds names only: nothing here starts a span.
 */

/** The name of the tracer, and of the messaging system. */
export const SYSTEM = 'jobledger';

/** What a span is called, when there is one, and which attributes it has. */
export interface SpanName {
  readonly name: string;
  readonly kind: 'PRODUCER' | 'CONSUMER' | 'INTERNAL';
  readonly meaning: string;
}

/** The spans. Names end with the queue at most: queues are few. */
export const SPANS = {
  send: {
    name: 'send <queue>',
    kind: 'PRODUCER',
    meaning:
      'One `enqueue`, or one `enqueueMany` of any size, until it is committed or stands in the caller’s transaction. The name is `send` alone where a batch goes to several queues',
  },
  process: {
    name: 'process <queue>',
    kind: 'CONSUMER',
    meaning: 'One attempt, from when its handler is looked up until its outcome is decided',
  },
  fold: {
    name: 'fold',
    kind: 'INTERNAL',
    meaning:
      'One batch of events that a projector read and folded; of one batch in 100, with links to at most 4 of the attempts and enqueues that wrote them',
  },
} as const satisfies Record<string, SpanName>;

export type SpanKey = keyof typeof SPANS;

/** An attribute of spans: its name, which spans (or links) have it, and what it says. */
export interface AttributeName {
  readonly name: string;
  readonly on: readonly (SpanKey | 'link')[];
  readonly type: 'text' | 'number' | 'boolean';
  readonly meaning: string;
}

/** The attributes of spans and links. */
export const ATTRIBUTES = {
  system: {
    name: 'messaging.system',
    on: ['send', 'process'],
    type: 'text',
    meaning: '`jobledger`',
  },
  operationName: {
    name: 'messaging.operation.name',
    on: ['send', 'process'],
    type: 'text',
    meaning: '`send` or `process`',
  },
  operationType: {
    name: 'messaging.operation.type',
    on: ['send', 'process'],
    type: 'text',
    meaning: '`send` or `process`',
  },
  destination: {
    name: 'messaging.destination.name',
    on: ['send', 'process'],
    type: 'text',
    meaning: 'the queue; left out where a batch goes to several',
  },
  partition: {
    name: 'messaging.destination.partition.id',
    on: ['process', 'fold'],
    type: 'text',
    meaning: 'the partition of the ledger',
  },
  messageId: {
    name: 'messaging.message.id',
    on: ['send', 'process'],
    type: 'text',
    meaning: 'the job’s id; not on a batch',
  },
  conversationId: {
    name: 'messaging.message.conversation_id',
    on: ['process'],
    type: 'text',
    meaning: 'the job’s correlation id, where it has one',
  },
  batchCount: {
    name: 'messaging.batch.message_count',
    on: ['send'],
    type: 'number',
    meaning: 'how many jobs an `enqueueMany` has; on nothing else',
  },
  errorType: {
    name: 'error.type',
    on: ['send', 'process', 'fold'],
    type: 'text',
    meaning: 'the error’s name, or the code of a refused enqueue; only where there was an error',
  },
  kind: {
    name: 'jobledger.job.kind',
    on: ['send', 'process'],
    type: 'text',
    meaning: 'the job’s kind; left out where a batch has several',
  },
  created: {
    name: 'jobledger.job.created',
    on: ['send'],
    type: 'boolean',
    meaning: 'false if the id or the unique key had its job already; not on a batch',
  },
  attempt: {
    name: 'jobledger.attempt',
    on: ['process', 'link'],
    type: 'number',
    meaning: 'the attempt’s number',
  },
  worker: {
    name: 'jobledger.worker',
    on: ['process'],
    type: 'number',
    meaning: 'the worker’s id in the ledger',
  },
  outcome: {
    name: 'jobledger.outcome',
    on: ['process'],
    type: 'text',
    meaning: 'how the attempt ended; see the table of outcomes',
  },
  errorCategory: {
    name: 'jobledger.error.category',
    on: ['process'],
    type: 'text',
    meaning: 'what sort of trouble it was: `network`, `timeout`, `validation` and so on',
  },
  retryDelayMs: {
    name: 'jobledger.retry.delay_ms',
    on: ['process'],
    type: 'number',
    meaning: 'milliseconds until the next attempt, after a failure or a loss',
  },
  recreated: {
    name: 'jobledger.recreated',
    on: ['send', 'process'],
    type: 'boolean',
    meaning: 'true on what `jobledger trace --export` sent; never on a span of its time',
  },
  readModels: {
    name: 'jobledger.read_models',
    on: ['fold'],
    type: 'text',
    meaning: 'the read models’ names, apart by commas',
  },
  events: {
    name: 'jobledger.events',
    on: ['fold'],
    type: 'number',
    meaning: 'how many events the batch had',
  },
  link: {
    name: 'jobledger.link',
    on: ['link'],
    type: 'text',
    meaning:
      'what a link leads to: `enqueue`, `previous-attempt` (the latest that failed or was lost), or `event` (what wrote an event that was folded)',
  },
} as const satisfies Record<string, AttributeName>;

/** How attempts end, in `ATTRIBUTES.outcome` and wherever attempts are counted. */
export const OUTCOMES = {
  succeeded: 'the handler returned',
  retrying: 'it failed, and the job will be tried again',
  failed: 'it failed, and the job with it',
  lost: 'its worker died; the job is tried again as long as it has attempts',
  released: 'it was given back uncounted, at a shutdown for instance',
  snoozed: 'the handler asked to be called again later',
  canceled: 'the job was canceled meanwhile',
  rejected: 'it came too late: the attempt had been decided otherwise, and nothing changed',
} as const;

export type Outcome = keyof typeof OUTCOMES;

/** What of a link’s meaning `ATTRIBUTES.link` says. */
export type LinkKind = 'enqueue' | 'previous-attempt' | 'event';

/** Fields of log lines that lead to a span, named as pino’s instrumentation names them. */
export const LOG_FIELDS = { traceId: 'trace_id', spanId: 'span_id' } as const;

/** How many jobs may follow from one another within one trace; the next begins a new one. */
export const MAX_TRACE_DEPTH = 25;

/** How long after its enqueue a job’s first attempt may begin and still be its child, in milliseconds. */
export const CHILD_WITHIN_MS = 60_000;
