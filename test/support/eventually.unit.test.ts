import { expect, test } from 'vitest';
import { eventually } from './eventually.js';

test('eventually gives what the first attempt that holds gave', async () => {
  let attempts = 0;
  const result = await eventually(() => ++attempts === 3 && attempts, { everyMs: 1 });
  expect(result).toBe(3);
});

test('eventually throws the last error when its time is over', async () => {
  const broken = eventually(
    () => {
      throw new Error('not yet');
    },
    { timeoutMs: 5, everyMs: 1 },
  );
  await expect(broken).rejects.toThrow('not yet');
});
