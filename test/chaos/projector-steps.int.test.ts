import { expect, test } from 'vitest';
import { crashAtSteps } from '../projector/crash.js';

test('a projector that copies rows is killed at every other step, also in the middle of a copy, and nothing is lost', async () => {
  const deaths = await crashAtSteps({ jobs: 4_200, whens: ['after'], every: 2 });
  expect(deaths).toBeGreaterThan(30);
}, 600_000);

test('a projector is killed at each of its steps, and nothing is lost, doubled or shown too early', async () => {
  expect(await crashAtSteps({ jobs: 60, whens: ['after'] })).toBeGreaterThan(60);
}, 300_000);
