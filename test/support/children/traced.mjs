// Sets up telemetry as a user's service does, then runs a worker that also enqueues, and tells on
// stdout, a line each, what happens. Obeys lines on stdin, each a command as JSON. First argument: options.
import '../../../dist/otel/otel.js';
import { createInterface } from 'node:readline';
import { context, propagation, trace } from '@opentelemetry/api';

const { stopTelemetry } = await import('../../../dist/otel/otel.js');
const { defineJob, openLedger, NonRetryableError } = await import('../../../dist/index.js');
const { default: pg } = await import('pg');
const options = JSON.parse(process.argv[2]);
const say = (text) => console.log(text);
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const aborted = (signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('told'))));

const handlers = {
  succeed: () => 1,
  // Fails until its last attempt.
  flaky: (_, { attempt }) => {
    if (attempt < 3) throw Object.assign(new Error(`no ${attempt}`), { code: 'ECONNRESET' });
  },
  fatal: () => {
    throw new NonRetryableError('never');
  },
  slow: (_, { signal }) => aborted(signal),
  wait: (_, { jobId, attempt, signal }) => {
    say(`began ${jobId} ${attempt}`);
    return attempt > 1 ? undefined : aborted(signal);
  },
  snoozer: (_, { attempt, snooze }) => (attempt === 1 ? snooze(0) : undefined),
  // Enqueues the next of a chain, either way.
  chain: async ({ left, own }, { ledger: followUps }) => {
    if (left > 0) await (own ? ledger : followUps).enqueue('chain', { left: left - 1, own });
    else say('chain over');
  },
  tell: (_, { log, attempt }) => {
    const baggage = propagation.getBaggage(context.active())?.getEntry('customer')?.value;
    log.info({ attempt }, 'told');
    say(`told ${trace.getActiveSpan()?.spanContext().spanId} ${baggage}`);
  },
};

const logger = (fields = {}) => ({
  ...Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (more, message) =>
        say(`log ${JSON.stringify({ level, message, ...fields, ...Object(more) })}`),
    ]),
  ),
  child: (more) => logger({ ...fields, ...more }),
});

const ledger = await openLedger({ database: options.url, logger: logger() });
const retry = { type: 'fixed', baseMs: 0, jitter: 'none' };
const jobs = Object.entries(handlers).map(([kind, handle]) =>
  defineJob({ kind, payload: anything, retry, handle }),
);
const worker = options.worker === false ? undefined : ledger.worker({ jobs, ...options.worker });
const tracer = trace.getTracer('the test');
/** Does it within a span of the caller's own, with baggage. */
const asked = (name, work) => {
  const baggage = propagation.createBaggage({ customer: { value: 'Ada & Co' } });
  const within = propagation.setBaggage(context.active(), baggage);
  return context.with(within, () =>
    tracer.startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    }),
  );
};

await tracer.startActiveSpan('start', async (span) => {
  await worker?.start();
  span.end();
});
if (options.projector) {
  const { projections } = await import('../../../dist/projections/index.js');
  await ledger.projector({ projections }).start();
}
say(`ready ${worker?.id}`);

const commands = {
  enqueue: ({ kind, payload = null, options: given }) =>
    ledger.enqueue(kind, payload, given).then(({ id }) => id),
  many: ({ items, options: given }) =>
    ledger.enqueueMany(items, given).then((all) => all.map(({ id }) => id).join()),
  transaction: async ({ kind, payload = null }) => {
    const client = new pg.Client(options.url);
    await client.connect();
    await client.query('begin');
    const { id } = await ledger.enqueue(kind, payload, { transaction: client });
    await client.query('commit');
    await client.end();
    return id;
  },
  cancel: ({ id }) => ledger.cancel(id, { actor: 'ada', reason: 'no' }).then(() => id),
};

const stop = async () => {
  await ledger.close();
  await stopTelemetry();
  say('closed');
  input.close();
};
const input = createInterface({ input: process.stdin });
input.on('line', (line) => void (line === 'stop' ? stop() : obey(line)));

async function obey(line) {
  const { command, root = true, ...rest } = JSON.parse(line);
  const work = () => commands[command](rest);
  const answer = await (root ? asked(`ask ${command}`, work) : work()).catch(
    (error) => `error ${error.code ?? error.message}`,
  );
  say(`answer ${answer}`);
}
