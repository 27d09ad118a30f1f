import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { GRAPHILE_WORKER } from '../settings.mjs';

// It writes a line per finished job unless told; nobody who wants speed leaves that on.
const logger = new Logger(() => (level, message) => {
  if (level === 'error' || level === 'warning') console.error(`${message}`);
});

/** See README.md, "A contestant". */
export const contestant = {
  name: 'graphile-worker',
  package: 'graphile-worker',
  recovers: false,
  settings: GRAPHILE_WORKER,
  // Read when its modules load: it does not even make the line that would be dropped.
  environment: { NO_LOG_SUCCESS: '1' },
  pending: 'select exists(select from graphile_worker._private_jobs) as pending',

  async setup(database) {
    const utils = await makeWorkerUtils({ connectionString: database, logger });
    await utils.migrate();
    await utils.release();
  },

  async openProducer(database, { callers = 1 } = {}) {
    const maxPoolSize = Math.max(10, callers);
    const utils = await makeWorkerUtils({ connectionString: database, maxPoolSize, logger });
    return {
      enqueue: (payload, runAt) => utils.addJob('bench', payload, runAt ? { runAt } : {}),
      enqueueMany: (payloads, runAt) => {
        const options = runAt ? { runAt } : {};
        return utils.addJobs(
          payloads.map((payload) => ({ identifier: 'bench', payload, ...options })),
        );
      },
      close: () => utils.release(),
    };
  },

  async startWorker(database, handle, { concurrency } = {}) {
    const more = concurrency && { concurrentJobs: concurrency, maxPoolSize: concurrency + 1 };
    const worker = { ...GRAPHILE_WORKER.worker, ...more, connectionString: database, logger };
    const runner = await run({
      preset: { worker },
      taskList: { bench: async (payload) => handle(payload) },
      noHandleSignals: true,
    });
    return { stop: () => runner.stop() };
  },
};
