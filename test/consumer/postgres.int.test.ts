import { test } from 'vitest';
import { SCENARIOS } from './scenarios.js';
import { openScene } from './scene.js';

for (const { title, run } of SCENARIOS)
  test(`from Postgres: ${title}`, () => run(() => openScene()), 60_000);
