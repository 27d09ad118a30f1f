import { formProblem } from './event-versions.js';
import { retryProblems } from './retry-problems.js';

/**
 * Why a JobEnqueued of the log cannot be worked on by this program; undefined if it can. Only what an
 * attempt relies on is looked at: a worker must neither guess nor fall over what others wrote.
 */
export function enqueuedProblem(data: unknown, schemaVersion: number): string | undefined {
  const unread = formProblem({ type: 'JobEnqueued', schemaVersion });
  if (unread !== undefined) return `JobEnqueued: ${unread}`;
  if (!isRecord(data)) return 'JobEnqueued: expected an object';
  const { payload, timeoutMs, retry, unique, metadata } = data;
  if (payload === undefined) return 'JobEnqueued: payload: expected a value, there is none';
  if (timeoutMs !== null && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    return 'JobEnqueued: timeoutMs: expected a time above 0, or null';
  if (unique !== undefined && !isRecord(unique)) return 'JobEnqueued: unique: expected an object';
  if (metadata !== undefined && !isRecord(metadata))
    return 'JobEnqueued: metadata: expected an object';
  const [problem] = retryProblems(retry);
  return problem === undefined ? undefined : `JobEnqueued: ${problem}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
