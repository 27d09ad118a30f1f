import { defineJob, migrateDatabase, openLedger } from 'jobledger';
import { z } from 'zod';
import { JOBLEDGER } from '../settings.mjs';

// With a schema, as users have one: payloads are checked at enqueue and before each attempt.
const contract = defineJob({
  kind: 'bench',
  payload: z.object({ n: z.number(), pad: z.string() }),
});

/** See README.md, "A contestant". */
export const contestant = {
  name: 'jobledger',
  package: 'jobledger',
  recovers: true,
  settings: JOBLEDGER,
  pending: `select exists(select from jobledger.ready) or exists(select from jobledger.leases)
    or exists(select from jobledger.scheduled) or exists(select from jobledger.inbox) as pending`,
  leasesOf: (worker) => ({
    text: 'select count(*)::int as leases from jobledger.leases where worker = $1',
    values: [worker],
  }),

  async setup(database) {
    await migrateDatabase({ database });
  },

  async openProducer(database) {
    const ledger = await openLedger({ database, jobs: [contract] });
    return {
      enqueue: (payload, runAt) =>
        runAt ? ledger.enqueue(contract, payload, { runAt }) : ledger.enqueue(contract, payload),
      enqueueMany: (payloads, runAt) => {
        const options = runAt ? { runAt } : {};
        return ledger.enqueueMany(
          payloads.map((payload) => ({ job: contract, payload, ...options })),
        );
      },
      close: () => ledger.close(),
    };
  },

  async startWorker(database, handle, { concurrency, defaults = false } = {}) {
    const ledger = await openLedger({ database, jobs: [contract] });
    const job = contract.handler((payload) => handle(payload));
    const worker = ledger.worker({
      jobs: [job],
      ...(defaults ? {} : JOBLEDGER.worker),
      ...(concurrency && { concurrency }),
    });
    await worker.start();
    return { id: worker.id, stop: () => ledger.close() };
  },
};
