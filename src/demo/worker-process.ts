import { openLedger, type HandlerContext } from '../index.js';
import { packageAudit } from './audit-job.js';
import { auditPackage } from './audit.js';
import type { FromWorker, ToWorker, WorkerOrders } from './messages.js';

/*
 * A worker process of the demo. Like any other it knows the data folder and its jobs, and nothing of
 * its siblings. It ends with the channel to the demo, so that it never outlives it.
 */

const orders = JSON.parse(process.argv[2] ?? '{}') as WorkerOrders;
/** Attempts of this run that are held, as the functions that let them go on. */
const held: (() => void)[] = [];
let holdAfter = orders.holdAfter;
let begun = 0;
let workerId = 0;

// Ctrl-C reaches every process of the terminal; the demo decides what becomes of its workers.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

const ledger = await openLedger({
  database: { embedded: orders.dataFolder },
  jobs: [packageAudit],
});
const worker = ledger.worker({
  jobs: [
    packageAudit.handler(async (wanted, context) => {
      await mayBegin(context);
      return auditPackage(orders.project, wanted, context);
    }),
  ],
  concurrency: orders.concurrency,
  fetchAhead: 0,
  heartbeatMs: orders.leaseMs / 5,
  leaseMs: orders.leaseMs,
  shutdownGraceMs: 1_000,
  shutdownAbortMs: 1_000,
  maintenance: orders.maintenance,
});

process.on('disconnect', () => void end());
process.on('message', (message: ToWorker) => {
  if (message.type === 'work') void work();
  else release();
});
if (process.connected) tell({ type: 'ready' });
else await end();

async function work(): Promise<void> {
  await worker.start();
  workerId = worker.id ?? 0;
  tell({ type: 'working', worker: workerId });
}

/**
 * Holds an attempt that was begun beyond the allowed number, until `release` or the end of the
 * process: however small the project, the demo's kill meets attempts that run.
 */
async function mayBegin({ correlationId, jobId }: HandlerContext): Promise<void> {
  if (correlationId !== orders.runId) return;
  begun += 1;
  if (begun === 1) tell({ type: 'began' });
  if (begun <= holdAfter) return;
  tell({ type: 'holding', jobId, worker: workerId });
  await new Promise<void>((resolve) => held.push(resolve));
}

function release(): void {
  holdAfter = Number.MAX_SAFE_INTEGER;
  for (const go of held.splice(0)) go();
}

async function end(): Promise<void> {
  release();
  await ledger.close();
  process.exit(0);
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
