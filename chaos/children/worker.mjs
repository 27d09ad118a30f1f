// A worker process of a chaos run. It records each handler's start before the handler does anything.
// Argument: its orders as JSON. Prints "ready" when it works; SIGTERM ends it well.
import { setTimeout as pause } from 'node:timers/promises';
import { KINDS } from '../kinds.mjs';
import { load } from '../program.mjs';
import { recorder } from '../records.mjs';

const orders = JSON.parse(process.argv[2]);
// Its end of the line is closed when the run has died: nobody is to go on then.
process.stdin.resume().on('end', () => process.exit(1));
const api = await load(orders.program, 'index.js');
const tell = recorder(orders.records, orders.name);
const anything = { '~standard': { version: 1, vendor: 'chaos', validate: (value) => ({ value }) } };

const jobs = Object.entries(KINDS).map(([kind, { run }]) =>
  api.defineJob({ kind, payload: anything }).handler(async (payload, context) => {
    const { jobId: id, attempt } = context;
    tell('began', { id, attempt, kind, pid: process.pid, worker: orders.name });
    await run(payload, context, tell, api);
    tell('returned', { id, attempt, pid: process.pid });
  }),
);

// Postgres may be away, or full, when a worker is started.
for (;;) {
  const ledger = await api
    .openLedger({ database: orders.url, ...orders.ledger })
    .catch(() => undefined);
  try {
    if (ledger === undefined) throw new Error('not open');
    const worker = ledger.worker({ jobs, ...orders.worker });
    await worker.start();
    process.once('SIGTERM', () => void ledger.close().then(() => process.exit(0), failed));
    worker.ended.catch(failed);
    console.log('ready');
    break;
  } catch {
    await ledger?.close().catch(() => {});
    await pause(200);
  }
}

function failed(error) {
  console.error(error);
  process.exit(1);
}
