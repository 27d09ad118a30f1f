import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, type Ledger, type RunnableJob } from 'jobledger';

const email = defineJob({
  kind: 'types.email',
  payload: z.object({ to: z.string(), tries: z.number().default(3) }),
  result: z.object({ sent: z.boolean() }),
});
const other = defineJob({ kind: 'types.other', payload: z.number() });

/** Never called: that it compiles, and that each marked line alone does not, is the test. */
export async function compiles(ledger: Ledger): Promise<void> {
  await ledger.enqueue(email, { to: 'ada' });
  // @ts-expect-error a payload of the wrong type
  await ledger.enqueue(email, { to: 3 });
  await ledger.enqueue(email, { to: 'ada' }, { delay: 5 });
  await ledger.enqueue(email, { to: 'ada' }, { runAt: '2030-01-01T00:00:00Z', tenant: 'acme' });
  // @ts-expect-error a time and a delay
  await ledger.enqueue(email, { to: 'ada' }, { delay: 5, runAt: '2030-01-01T00:00:00Z' });
  // @ts-expect-error for one item of many too
  await ledger.enqueueMany([{ job: other, payload: 7, delay: 5, runAt: new Date() }]);
  await ledger.enqueueMany([
    { job: email, payload: { to: 'ada' } },
    { job: other, payload: 7, priority: 2 },
    { job: 'by.name', payload: { anything: true } },
  ]);
  // @ts-expect-error each item's payload belongs to its own job
  await ledger.enqueueMany([{ job: email, payload: { to: 3 } }]);
  const many = [1, 2].map((payload) => ({ job: other, payload }));
  await ledger.enqueueMany(many);
  // @ts-expect-error nobody acts without a reason
  await ledger.cancel('3/1', { actor: 'ada' });
  // @ts-expect-error a contract has no handler to run
  ledger.worker({ jobs: [email] });
}

export const handlers: readonly RunnableJob[] = [
  email.handler(({ to, tries }, { log }) => {
    log.info('sending');
    log.info({ to, tries }, 'sending');
    return { sent: tries > 0 };
  }),
  // @ts-expect-error the result is not what the contract says
  email.handler(() => ({ sent: 'yes' })),
];

test('a definition is frozen, and its handler sees the types of its schema', () => {
  expect(Object.isFrozen(email)).toBe(true);
  expect(handlers.map((job) => job.kind)).toEqual(['types.email', 'types.email']);
});
