import { setTimeout as pause } from 'node:timers/promises';
import type {
  KafkaOptions,
  Ledger,
  LedgerWorker,
  Log,
  Projection,
  WorkerOptions,
} from '../index.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { print, printJson } from './print.js';
import type { StopSignals } from './stop-signals.js';
import { count } from './text.js';
import { watchLoop } from './watchdog.js';

export interface RunTools {
  readonly signals: StopSignals;
  readonly log: Log;
  readonly json: boolean;
}

/** What runs in the worker's process and stops with the ledger. */
export interface Beside {
  readonly projections?: readonly Projection[];
  readonly kafka?: KafkaOptions;
}

/** After a fault what runs is given back at once; nothing of this process can be trusted for long. */
const FAULT_GRACE_MS = 1_000;
/** A store that does not answer must not keep the process that wants to end. */
const CLOSE_MS = 5_000;

/**
 * Runs a worker until a signal asks it to stop, or a fault ends it: its own (it stalled), or that of
 * stray code that no handler caught. Gives the exit code; the process is to exit with it.
 */
export async function runWorker(
  ledger: Ledger,
  options: WorkerOptions,
  tools: RunTools,
  { projections = [], kafka }: Beside = {},
): Promise<ExitCode> {
  let worker: LedgerWorker | undefined;
  try {
    worker = ledger.worker(options);
    const ended = firstEnd(worker, tools);
    await worker.start();
    if (projections.length > 0) await ledger.projector({ projections }).start();
    if (kafka !== undefined) await ledger.relay({ kafka }).start();
    const stopWatching = watchLoop(options.stallLimitMs ?? 300_000);
    await tell(worker, options, 'started', tools);
    const code = await ended;
    stopWatching();
    await tell(worker, options, code === EXIT.done ? 'stopped' : 'ended by a fault', tools);
    return code;
  } finally {
    await Promise.race([ledger.close(), pause(CLOSE_MS, undefined, { ref: false })]);
  }
}

function firstEnd(worker: LedgerWorker, { signals, log }: RunTools): Promise<ExitCode> {
  const stopped = signals.first.then(async (signal) => {
    log.info({ signal }, 'stopping; a second signal exits at once');
    await worker.stop();
    return EXIT.done;
  });
  const died = worker.ended.then(
    () => stopped,
    (error: unknown) => {
      log.error({ error }, 'the worker ended');
      return EXIT.fault;
    },
  );
  return Promise.race([stopped, died, strayFault(worker, log)]);
}

/** Settles after the first exception that nothing caught, once what can be released is released. */
function strayFault(worker: LedgerWorker, log: Log): Promise<ExitCode> {
  return new Promise((resolve) => {
    let faults = 0;
    const fault = (origin: string) => (error: unknown) => {
      log.error({ code: 'UNCAUGHT', origin, error }, 'stray code failed; this process ends');
      faults += 1;
      if (faults > 1) return;
      const released = worker.stop({ graceMs: FAULT_GRACE_MS }).catch(() => undefined);
      void Promise.race([released, pause(FAULT_GRACE_MS + CLOSE_MS)]).then(() =>
        resolve(EXIT.fault),
      );
    };
    process.on('uncaughtException', fault('uncaughtException'));
    process.on('unhandledRejection', fault('unhandledRejection'));
  });
}

async function tell(
  worker: LedgerWorker,
  { jobs, queues }: WorkerOptions,
  event: string,
  { json }: RunTools,
): Promise<void> {
  const kinds = jobs.map(({ kind }) => kind);
  if (json) return printJson({ event, worker: worker.id, pid: process.pid, kinds, queues });
  if (event !== 'started') return print(`worker ${worker.id} ${event}`);
  const from = queues === undefined ? '' : ` from ${queues.join(', ')}`;
  return print(
    `worker ${worker.id} started: ${count(kinds.length, 'kind')}${from} (${kinds.join(', ')})`,
  );
}
