import { exitCodeAfter } from './store-flags.js';
import { warn } from './print.js';

/** SIGTERM and SIGINT: the first asks for a graceful stop, the second exits at once. */
export class StopSignals {
  /** Settles with the first signal. */
  readonly first: Promise<NodeJS.Signals>;

  constructor() {
    this.first = new Promise((resolve) => {
      let asked = false;
      const hear = (signal: NodeJS.Signals): void => {
        if (asked) {
          warn(`second ${signal}: exiting at once; leases end with their time`);
          process.exit(exitCodeAfter(signal));
        }
        asked = true;
        resolve(signal);
      };
      process.on('SIGTERM', hear).on('SIGINT', hear);
    });
  }
}
