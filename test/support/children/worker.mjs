// Runs a worker and tells on stdout, a line each, what happens in it. Obeys lines on stdin: "go" lets
// waiting handlers return, "stop" ends it well; SIGTERM does too. First argument: options as JSON.
import { createInterface } from 'node:readline';
import { defineJob, openLedger } from '../../../dist/index.js';

const options = JSON.parse(process.argv[2]);
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const waiting = new Set();
let gone = false;
const go = () => (gone ? undefined : new Promise((resolve) => waiting.add(resolve)));
// The loop stands still as under a long computation, but leaves the processor to others.
const still = (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const handlers = {
  // Ends when it is told to, or with its signal.
  wait: async (payload, { jobId, attempt, signal }) => {
    console.log(`began ${jobId} ${attempt}`);
    signal.addEventListener('abort', () => console.log(`aborted ${jobId} ${signal.reason}`));
    const abort = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error(`aborted: ${signal.reason}`)));
    });
    await Promise.race([go(), payload?.deaf ? new Promise(() => undefined) : abort]);
    return process.pid;
  },
  // Ends when it is told to, whatever its signal says.
  hold: async (_, { jobId, attempt }) => {
    console.log(`began ${jobId} ${attempt}`);
    await go();
    console.log(`returned ${jobId}`);
    return process.pid;
  },
  quick: () => process.pid,
  // Long enough that several are in the air together.
  brief: () => new Promise((resolve) => setTimeout(resolve, 2)),
  die: () => process.kill(process.pid, 'SIGKILL'),
  block: ({ ms }, { jobId, attempt }) => {
    console.log(`began ${jobId} ${attempt}`);
    still(ms);
    return process.pid;
  },
};

const ledger = await openLedger({ database: options.url, logger: false, ...options.ledger });
const retry = { type: 'fixed', baseMs: 0, jitter: 'none' };
const jobs = options.kinds.map((kind) => {
  return defineJob({ kind, payload: anything, retry, handle: handlers[kind] });
});
const worker = ledger.worker({ jobs, ...options.worker });
await worker.start();
console.log(`ready ${worker.id}`);

worker.ended.catch((error) => {
  console.log(`fault ${error.message}`);
  process.exit(1);
});
const stop = async () => {
  await ledger.close();
  console.log('closed');
  input.close();
};
process.once('SIGTERM', () => void stop());
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (line === 'go') {
    gone = true;
    for (const resolve of waiting) resolve();
  } else if (line === 'stop') void stop();
});
