import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/job/define-job.js';

const payload = z.any();

const MISTAKES: readonly (readonly [unknown, string])[] = [
  [{ kind: '', payload }, 'kind: expected printable text'],
  [{ kind: 'a' }, 'payload: expected a Standard Schema validator'],
  [{ kind: 'a', payload, result: {} }, 'result: expected a Standard Schema validator'],
  [{ kind: 'a', payload, queue: 'a\nb' }, 'queue: expected printable text'],
  [{ kind: 'a', payload, priority: 1e6 }, 'priority: expected an integer'],
  [{ kind: 'a', payload, maxAttempts: 0 }, 'maxAttempts: expected an integer from 1'],
  [{ kind: 'a', payload, timeout: 0 }, 'timeout: expected null (no limit) or milliseconds'],
  [{ kind: 'a', payload, retry: { jitter: 'some' } }, 'retry.jitter: expected one of none'],
  [{ kind: 'a', payload, classify: 'unknown' }, 'classify: expected a function'],
  [{ kind: 'a', payload, maxAttemps: 3 }, 'maxAttemps: no such option of defineJob'],
  [{ kind: 'a', payload, handle: 'run' }, 'handler: expected a function'],
  [undefined, 'defineJob: expected options, got undefined'],
];

test.each(MISTAKES)('the definition %o is refused by name', (options, message) => {
  expect(() => defineJob(options as never)).toThrow(TypeError);
  expect(() => defineJob(options as never)).toThrow(message);
});

test('all faults of a definition are told at once, in one line', () => {
  const options = { kind: '', priority: 0.5, maxAttempts: -1, shape: 'x' };
  expect(() => defineJob(options as never)).toThrow(
    /^defineJob: kind: .*; payload: .*; priority: .*; maxAttempts: .*; shape: no such option/,
  );
});

test('the options of a handler are checked too', () => {
  const contract = defineJob({ kind: 'a', payload });
  expect(() => contract.handler(null as never)).toThrow('handler: expected a function');
  expect(() => contract.handler(() => 1, { classify: 5, name: 'x' } as never)).toThrow(
    /^handler: name: no such option of handler; classify: expected a function, got 5$/,
  );
});
