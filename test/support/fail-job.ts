import { z } from 'zod';
import { defineJob, NonRetryableError, type Ledger } from 'jobledger';
import { eventually } from './eventually.js';

/** Runs a worker until the job has failed for good. */
export async function fail(ledger: Ledger, kind: string, id: string): Promise<void> {
  const job = defineJob({
    kind,
    payload: z.any(),
    handle: () => {
      throw new NonRetryableError('meant to fail');
    },
  });
  const worker = ledger.worker({ jobs: [job], maintenance: false });
  await worker.start();
  await eventually(async () => (await ledger.get(id))!.state === 'failed');
  await worker.stop();
}
