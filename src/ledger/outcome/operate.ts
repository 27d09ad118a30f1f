import { setTimeout as pause } from 'node:timers/promises';
import type { Actor, Job } from '../../api.js';
import { LedgerError } from '../../errors.js';
import type { OperatorCommand } from '../../job/commands.js';
import type { JobContract } from '../../job/define.js';
import { encodeJson } from '../../job/encode-json.js';
import type { Json } from '../../job/json.js';
import {
  integerProblem,
  MAX_ATTEMPTS,
  MAX_EVENT_BYTES,
  priorityProblem,
} from '../../job/limits.js';
import { nameProblem } from '../../job/names.js';
import { execute } from './execute.js';
import { existingJobs } from '../enqueue/existing-jobs.js';
import { partitionOf } from '../ids.js';
import { asRead, lookUp } from '../query/look-up.js';
import { moveJobs } from '../inbox/move-inbox.js';
import { instantOf } from '../check.js';
import { resolveId } from '../read.js';
import { refuseSetAside } from '../inbox/set-aside.js';
import type { Store } from '../store.js';
import { validatePayload } from '../enqueue/validate.js';
import { wake, wakeFor } from '../wake.js';

/** An operator's command with its argument, before it is checked. */
export type Operation =
  | { readonly type: 'CancelJob' | 'DiscardJob' }
  | { readonly type: 'RetryJob'; readonly extraAttempts?: number; readonly payload?: Json }
  | { readonly type: 'RescheduleJob'; readonly runAt: Date | string }
  | { readonly type: 'ReprioritizeJob'; readonly priority: number };

/**
 * Carries out an operator's command: decided on the job's whole stream, recorded with actor and
 * reason. Throws JOB_NOT_FOUND, or ILLEGAL_STATE in a line that names the job's state or says why its
 * events cannot be read or its row was set aside; UNIQUE_KEY_BUSY or CONFLICT if the job cannot leave the inbox yet.
 */
export async function operate(
  store: Store,
  kinds: ReadonlyMap<string, JobContract> | undefined,
  id: string,
  operation: Operation,
  by: Actor,
): Promise<Job> {
  checkActor(by);
  const jobId = await existing(store, id);
  const command = await checked(store, kinds, jobId, operation, by);
  const partition = partitionOf(jobId, store.partitions);
  const [execution] = await execute(store, partition, [{ jobId, command }]);
  if (execution === undefined || 'rejected' in execution) {
    const code = execution?.rejected === 'JOB_NOT_FOUND' ? 'JOB_NOT_FOUND' : 'ILLEGAL_STATE';
    throw new LedgerError(code, execution?.message ?? `job ${jobId}: not found`, { jobId });
  }
  const { before, after, events } = execution;
  if (before.state === 'running') wake(store, { what: 'cancel', worker: before.worker });
  wakeFor(store, after, command.type === 'ReprioritizeJob');
  return asRead(after, events.at(-1)!.recordedAt);
}

/**
 * The job an id names. One that is still in the inbox is moved into the ledger first: if a stranger
 * stands in the way, or another mover is at it, for as long as a lock is waited for elsewhere.
 */
async function existing(store: Store, id: string): Promise<string> {
  const jobId = await resolveId(store, id);
  const deadline = performance.now() + MOVE_MS;
  for (let pauseMs = 10; jobId !== undefined; pauseMs = Math.min(pauseMs * 2, 200)) {
    if ((await kindOf(store, jobId)) !== undefined) return jobId;
    const job = await lookUp(store, jobId);
    if (job === undefined) break;
    if (job.version > 0) return jobId;
    const keyBusy = await moveJobs(store, [jobId]);
    if (performance.now() > deadline && (await lookUp(store, jobId))?.version === 0)
      throw cannotMove(jobId, keyBusy);
    await pause(pauseMs);
  }
  if (jobId !== undefined) await refuseSetAside(store, jobId);
  throw new LedgerError('JOB_NOT_FOUND', `job ${id}: not found`, { jobId });
}

const MOVE_MS = 2_000;

function cannotMove(jobId: string, keyBusy: boolean): LedgerError {
  const why = keyBusy
    ? 'an open transaction holds its unique key'
    : 'another session keeps its row or its partition locked';
  const message = `job ${jobId}: still on its way into the ledger, ${why}; try again`;
  return new LedgerError(keyBusy ? 'UNIQUE_KEY_BUSY' : 'CONFLICT', message, { jobId });
}

/** A ledger job's kind, without reading its whole stream. */
async function kindOf(store: Store, jobId: string): Promise<string | undefined> {
  const partition = partitionOf(jobId, store.partitions);
  return (await existingJobs(store, partition, [jobId])).get(jobId)?.kind;
}

function checkActor(by: Actor): void {
  for (const [field, value] of [
    ['actor', by?.actor],
    ['reason', by?.reason],
  ] as const) {
    const problem = nameProblem(field, value);
    if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
  }
}

async function checked(
  store: Store,
  kinds: ReadonlyMap<string, JobContract> | undefined,
  jobId: string,
  operation: Operation,
  { actor, reason }: Actor,
): Promise<OperatorCommand> {
  switch (operation.type) {
    case 'CancelJob':
    case 'DiscardJob':
      return { type: operation.type, actor, reason };
    case 'RescheduleJob':
      return { type: 'RescheduleJob', actor, reason, runAt: instantOf('runAt', operation.runAt) };
    case 'ReprioritizeJob':
      refuse(priorityProblem('priority', operation.priority));
      return { type: 'ReprioritizeJob', actor, reason, priority: operation.priority };
    case 'RetryJob': {
      const { extraAttempts, payload } = operation;
      if (extraAttempts !== undefined)
        refuse(integerProblem('extraAttempts', extraAttempts, 1, MAX_ATTEMPTS));
      if (payload !== undefined) {
        refuseTooLarge(reason, payload);
        const contract = kinds?.get((await kindOf(store, jobId)) ?? '');
        if (contract !== undefined) await validatePayload(contract, payload);
      }
      return { type: 'RetryJob', actor, reason, extraAttempts, payload };
    }
  }
}

/** Measures the event that will be recorded, with its longest numbers, and not the payload alone. */
function refuseTooLarge(reason: string, payload: Json): void {
  const encoded = encodeJson(payload, 'payload');
  if ('problem' in encoded) throw new LedgerError('PAYLOAD_INVALID', encoded.problem);
  const counts = { extraAttempts: MAX_ATTEMPTS, maxAttempts: MAX_ATTEMPTS };
  const event = encodeJson({ reason, from: 'failed', ...counts, payload }, '');
  if ('problem' in event) throw new LedgerError('PAYLOAD_INVALID', event.problem);
  if (event.storedBytes <= MAX_EVENT_BYTES) return;
  throw new LedgerError(
    'PAYLOAD_TOO_LARGE',
    `payload: expected an event of at most ${MAX_EVENT_BYTES} bytes, got ${event.storedBytes}`,
  );
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
}
