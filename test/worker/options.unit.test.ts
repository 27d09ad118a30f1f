import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/index.js';
import type { RunnableJob, WorkerOptions } from '../../src/index.js';
import { workerSettings } from '../../src/worker/options.js';

const one = defineJob({ kind: 'one', payload: z.any(), handle: () => null });

function problemsOf(options: object): string {
  try {
    workerSettings({ jobs: [one], ...options } as WorkerOptions);
  } catch (error) {
    expect(error).toMatchObject({ code: 'BAD_CONFIG' });
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

test('what is left out takes the defaults', () => {
  expect(workerSettings({ jobs: [one] })).toMatchObject({
    ...{ queues: ['default'], concurrency: 10, fetchAhead: 1_000, pollIntervalMs: 1_000 },
    ...{ heartbeatMs: 5_000, leaseMs: 15_000, shutdownGraceMs: 25_000, shutdownAbortMs: 5_000 },
    ...{ stallLimitMs: 300_000, cancelGraceMs: 30_000, failUnknownKinds: false, maintenance: true },
  });
});

test('a worker takes the queues of its kinds unless told', () => {
  const side = defineJob({ kind: 'two', payload: z.any(), queue: 'side', handle: () => null });
  expect(workerSettings({ jobs: [one, side] }).queues).toEqual(['default', 'side']);
  expect(workerSettings({ jobs: [one, side], queues: ['side', 'side'] }).queues).toEqual(['side']);
});

test.each([
  ['no job', { jobs: [] }, 'jobs: expected at least one job'],
  ['a job without a handler', { jobs: [{ kind: 'x' }] }, 'jobs: "x" has no handler'],
  ['one kind twice', { jobs: [one, one] }, 'jobs: kind "one" is there twice'],
  ['no queue', { queues: [] }, 'queues: expected at least one queue'],
  ['a blank queue', { queues: [''] }, 'queues:'],
  ['no concurrency', { concurrency: 0 }, 'concurrency: expected an integer from 1 to 10000'],
  ['a broken concurrency', { concurrency: 1.5 }, 'concurrency:'],
  ['a number as text', { concurrency: '4' }, 'concurrency:'],
  ['a negative poll', { pollIntervalMs: -1 }, 'pollIntervalMs:'],
  ['no number', { shutdownGraceMs: Number.NaN }, 'shutdownGraceMs:'],
  [
    'a lease under three heartbeats',
    { leaseMs: 14_999 },
    'leaseMs: expected at least 3 × heartbeatMs (15000)',
  ],
  ['a broken policy', { retry: { type: 'often' } }, 'retry'],
  ['a misspelt option', { concurency: 3 }, 'concurency: no such option of a worker'],
  ['a text of queues', { queues: 'mail' }, 'queues: expected a list of names, got "mail"'],
  ['no list of queues', { queues: null }, 'queues: expected a list of names, got null'],
  ['one middleware', { middleware: () => null }, 'middleware: expected a list of functions'],
  ['a middleware that is none', { middleware: [5] }, 'middleware[0]: expected a function, got 5'],
  ['a listener that is none', { onTransition: {} }, 'onTransition: expected a function'],
  ['text for a switch', { maintenance: 'no' }, 'maintenance: expected true or false, got "no"'],
])('a worker with %s is refused by name', (_, options, message) => {
  expect(problemsOf(options)).toContain(message);
});

test('all faults are told at once, in one line', () => {
  const message = problemsOf({
    ...{ jobs: [], queues: [], concurrency: -1, pollIntervalMs: 0, leaseMs: 1, fetchAhead: 0.5 },
  });
  expect(message).not.toContain('\n');
  for (const field of [
    'jobs',
    'queues',
    'concurrency',
    'pollIntervalMs',
    'leaseMs',
    'fetchAhead',
  ]) {
    expect(message).toContain(`${field}: `);
  }
});

test('jobs that are no list are refused', () => {
  expect(problemsOf({ jobs: one as unknown as readonly RunnableJob[] })).toContain('jobs:');
});

test('a worker without options is refused', () => {
  for (const options of [undefined, null, 'jobs']) {
    expect(() => workerSettings(options as never)).toThrow(/^worker: expected options, got /);
  }
});
