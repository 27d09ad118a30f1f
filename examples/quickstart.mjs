import { setTimeout as pause } from 'node:timers/promises';
import { defineJob, openLedger } from 'jobledger';
import { z } from 'zod';

// The contract: what producers import.
const greeting = defineJob({
  kind: 'greeting.send',
  payload: z.object({ name: z.string() }),
  result: z.object({ text: z.string() }),
  retry: { type: 'exponential', baseMs: 200, jitter: 'full' },
});

// The code that runs it: what workers import. It fails once, to show a retry.
const sendGreeting = greeting.handler(async ({ name }, { attempt }) => {
  if (attempt === 1) throw new Error('the greeter is still asleep');
  return { text: `Hello, ${name}!` };
});

// No database is named, so this runs on an embedded Postgres in ./.jobledger.
const ledger = await openLedger({ jobs: [greeting] });
try {
  await ledger.worker({ jobs: [sendGreeting] }).start();
  const { id } = await ledger.enqueue(greeting, { name: 'Ada' });

  let job = await ledger.get(id);
  while (job && job.state !== 'succeeded' && job.state !== 'failed') {
    await pause(50);
    job = await ledger.get(id);
  }

  for (const { recordedAt, type, data } of await ledger.history(id)) {
    console.log(recordedAt, type, 'error' in data ? data.error?.message : '');
  }
  if (job?.state === 'succeeded') console.log(job.result);
} finally {
  await ledger.close(); // stops the worker, then the embedded Postgres
}
