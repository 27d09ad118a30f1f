import type { Actor, Job } from '../api.js';
import { LedgerError } from '../errors.js';
import type { OperatorCommand } from '../job/commands.js';
import type { JobContract } from '../job/define.js';
import { encodeJson } from '../job/encode-json.js';
import type { Json } from '../job/json.js';
import { integerProblem, MAX_ATTEMPTS, MAX_EVENT_BYTES, priorityProblem } from '../job/limits.js';
import { nameProblem } from '../job/names.js';
import { execute } from './execute.js';
import { partitionOf } from './ids.js';
import { asRead, lookUp } from './look-up.js';
import { moveJobs } from './move-inbox.js';
import { instantOf } from './check.js';
import { resolveId } from './read.js';
import type { Store } from './store.js';
import { validatePayload } from './validate.js';
import { wake } from './wake.js';

/** An operator's command with its argument, before it is checked. */
export type Operation =
  | { readonly type: 'CancelJob' | 'DiscardJob' }
  | { readonly type: 'RetryJob'; readonly extraAttempts?: number; readonly payload?: Json }
  | { readonly type: 'RescheduleJob'; readonly runAt: Date | string }
  | { readonly type: 'ReprioritizeJob'; readonly priority: number };

/**
 * Carries out an operator's command: decided on the job's whole stream, recorded with actor and
 * reason. Throws JOB_NOT_FOUND, or ILLEGAL_STATE in a line that names the job's state.
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
  if (after.state === 'available') wake(store, { what: 'ready', partition, queue: after.queue });
  if (after.state === 'scheduled' || after.state === 'retrying') wake(store, { what: 'scheduled' });
  return asRead(after, events.at(-1)!.recordedAt);
}

/** The job an id names. One that is still in the inbox is moved into the ledger first. */
async function existing(store: Store, id: string): Promise<string> {
  const jobId = await resolveId(store, id);
  const job = jobId === undefined ? undefined : await lookUp(store, jobId);
  if (job === undefined) throw new LedgerError('JOB_NOT_FOUND', `job ${id}: not found`, { jobId });
  if (job.version === 0) await moveJobs(store, [jobId!]);
  return jobId!;
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
      if (payload !== undefined) await checkPayload(store, kinds, jobId, payload);
      return { type: 'RetryJob', actor, reason, extraAttempts, payload };
    }
  }
}

async function checkPayload(
  store: Store,
  kinds: ReadonlyMap<string, JobContract> | undefined,
  jobId: string,
  payload: Json,
): Promise<void> {
  const encoded = encodeJson(payload, 'payload');
  if ('problem' in encoded) throw new LedgerError('PAYLOAD_INVALID', encoded.problem);
  if (encoded.storedBytes > MAX_EVENT_BYTES) {
    throw new LedgerError(
      'PAYLOAD_TOO_LARGE',
      `payload: expected at most ${MAX_EVENT_BYTES} bytes`,
    );
  }
  const job = await lookUp(store, jobId);
  const contract = job === undefined ? undefined : kinds?.get(job.kind);
  if (contract !== undefined) await validatePayload(contract, payload);
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
}
