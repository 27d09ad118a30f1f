import { LedgerError, openLedger, type Ledger } from '../index.js';
import { packageAudit } from './audit-job.js';
import type { FromService, FromWorker, ServiceOrders, ToWorker, WorkerOrders } from './messages.js';
import { DemoProcess } from './process.js';

/** A worker of the demo. */
export type WorkerProcess = DemoProcess<FromWorker, ToWorker>;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** All that a demo must not leave behind: its handle on the ledger, its processes, its signal handlers. */
export class Stage {
  readonly #dataFolder: string;
  readonly #processes: { stop(): Promise<void> }[] = [];
  readonly #interrupt: (signal: NodeJS.Signals) => void;
  #opening: Promise<Ledger> | undefined;
  #cleared: Promise<void> | undefined;
  /** Resolves when somebody wants the demo to end, with the signal that said so. */
  readonly interrupted: Promise<NodeJS.Signals>;

  constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
    let interrupt: (signal: NodeJS.Signals) => void = () => {};
    this.interrupted = new Promise((resolve) => {
      interrupt = resolve;
    });
    this.#interrupt = interrupt;
    for (const signal of SIGNALS) process.on(signal, interrupt);
  }

  open(): Promise<Ledger> {
    const database = { embedded: this.#dataFolder };
    // A dead worker is part of the story: no log line is needed for it.
    this.#opening ??= openLedger({ database, jobs: [packageAudit], logger: false });
    return this.#opening;
  }

  start(name: string, orders: WorkerOrders): WorkerProcess {
    return this.#keep(() => new DemoProcess(name, './worker-process.js', orders));
  }

  /** The small service that reads what is published. */
  startService(orders: ServiceOrders): DemoProcess<FromService> {
    return this.#keep(() => new DemoProcess('the service', './service-process.js', orders));
  }

  #keep<P extends { stop(): Promise<void> }>(start: () => P): P {
    // The story may still go on when an interruption has already ended the demo.
    if (this.#cleared !== undefined) throw new LedgerError('LEDGER_CLOSED', 'the demo has ended');
    const started = start();
    this.#processes.push(started);
    return started;
  }

  /** Ends everything. The ledger goes last: workers still give back what they hold. */
  clear(): Promise<void> {
    this.#cleared ??= this.#clear();
    return this.#cleared;
  }

  async #clear(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.stop()));
    const ledger = await this.#opening?.catch(() => undefined);
    await ledger?.close();
    for (const signal of SIGNALS) process.off(signal, this.#interrupt);
  }
}
