import type { FindingCode } from './findings.js';
import type { LoggedEvent } from './logged-event.js';
import { FORMS, MAY_COME_IN, OUTCOMES, type State } from './states.js';

/** A job as the checker folds it. */
export interface Stream {
  readonly id: string;
  readonly partition: number;
  /** Of its first event. */
  readonly position: number;
  readonly kind: string;
  readonly queue: string;
  readonly tenant: string;
  readonly unique: { readonly key: string; readonly scope: unknown } | undefined;
  version: number;
  state: State;
  attempt: number;
  counted: number;
  limit: number;
  priority: number;
  losses: number;
  worker: number | undefined;
  claim: number | undefined;
  canceling: boolean;
  runAt: string | undefined;
  payloadAt: number;
  errorAt: number | undefined;
  /** Its place in line is that of its first event: never delayed, never moved. */
  inFirstPlace: boolean;
}

/** Why an event cannot be. */
export interface Sorry {
  readonly code: FindingCode;
  readonly text: string;
}

/** Whether its data is in a form that can be judged: in another it may mean anything. */
export function unknownForm({ type, form }: LoggedEvent): Sorry | undefined {
  if ((FORMS[type] ?? [1]).includes(form)) return undefined;
  return { code: 'unknown-form', text: `${type} of form ${form}` };
}

/** A stream after its first event, or why that cannot be the first. */
export function begin(event: LoggedEvent, partition: number, partitions: number): Stream | Sorry {
  const { stream: id, version, type, position, at, data } = event;
  if (version !== 1) return { code: 'version-gap', text: `version ${version} is the first` };
  if (type !== 'JobEnqueued') return { code: 'illegal-event', text: `${type} begins the stream` };
  const named = Number.parseInt(id.slice(-2), 16) % partitions;
  if (named !== partition) {
    return { code: 'wrong-partition', text: `the id names partition ${named}` };
  }
  const { maxAttempts, priority } = data;
  if (maxAttempts === undefined || priority === undefined || !event.hasPayload) {
    return { code: 'malformed', text: 'JobEnqueued lacks payload, priority or maxAttempts' };
  }
  const waits = data.runAt !== undefined && data.runAt > at;
  return {
    ...{ id, partition, position, kind: event.kind, queue: event.queue, tenant: event.tenant },
    ...{ unique: data.unique, version, state: waits ? 'scheduled' : 'available' },
    ...{ attempt: 0, counted: 0, limit: maxAttempts, priority, losses: 0 },
    ...{ worker: undefined, claim: undefined, canceling: false },
    ...{ runAt: waits ? data.runAt : undefined, payloadAt: position, errorAt: undefined },
    inFirstPlace: !waits,
  };
}

/** Takes the event into its stream, or says why it cannot follow. */
export function follow(job: Stream, event: LoggedEvent): Sorry | undefined {
  const { type, version } = event;
  const sorry = outOfTurn(job, event) ?? notAllowed(job, event) ?? RULES[type]?.(job, event);
  if (sorry === undefined) job.version = version;
  return sorry;
}

function outOfTurn(job: Stream, { version, kind, queue }: LoggedEvent): Sorry | undefined {
  if (version !== job.version + 1) {
    return { code: 'version-gap', text: `version ${version} follows ${job.version}` };
  }
  if (kind === job.kind && queue === job.queue) return undefined;
  return { code: 'kind-changed', text: `${kind} in ${queue}, was ${job.kind} in ${job.queue}` };
}

function notAllowed(job: Stream, { type, data }: LoggedEvent): Sorry | undefined {
  const { attempt = 0 } = data;
  if (MAY_COME_IN[type]?.includes(job.state) === true) return undefined;
  const text = `${type} in a job that is ${job.state}`;
  if (type === 'AttemptStarted' && job.state === 'running') {
    return { code: 'attempt-overlap', text: `attempt ${attempt} starts beside ${job.attempt}` };
  }
  const isOver = OUTCOMES.has(type) && attempt > 0 && attempt <= job.attempt;
  return { code: isOver ? 'second-outcome' : 'illegal-event', text };
}

type Rule = (job: Stream, event: LoggedEvent) => Sorry | undefined;

/** What each event asks beyond the state, and what it changes. */
const RULES: { readonly [type: string]: Rule } = {
  AttemptStarted: started,
  ProgressReported: (job, event) => notRunning(job, event),
  AttemptSucceeded: (job, event) =>
    notRunning(job, event) ?? ended(job, { state: 'succeeded', losses: 0 }),
  AttemptFailed: (job, event) => outcome(job, event) ?? decided(job, event, 0),
  AttemptLost: (job, event) =>
    outcome(job, event) ?? notTheWorkers(job, event) ?? decided(job, event, job.losses + 1),
  AttemptReleased: (job, event) =>
    outcome(job, event) ?? ended(job, { state: 'available', counted: job.counted - 1 }),
  JobSnoozed: snoozed,
  CancelRequested: (job) => {
    if (job.canceling) return { code: 'after-cancel', text: 'cancel was requested already' };
    job.canceling = true;
    return undefined;
  },
  JobCanceled: canceled,
  JobRetried: retried,
  JobRescheduled: (job, { form, data }) => {
    const due = form === 1 ? data.runAt : data.to;
    if (typeof due !== 'string') return lacks('JobRescheduled', form === 1 ? 'runAt' : 'to');
    return change(job, { runAt: due });
  },
  JobReprioritized: (job, { data }) => {
    if (typeof data.to !== 'number') return lacks('JobReprioritized', 'to');
    return change(job, { priority: data.to, inFirstPlace: false });
  },
  JobDiscarded: (job) => ended(job, { state: 'discarded' }),
};

function started(job: Stream, { at, data }: LoggedEvent): Sorry | undefined {
  const { attempt, worker, claim } = data;
  if (attempt !== job.attempt + 1) {
    return { code: 'wrong-attempt', text: `attempt ${attempt} follows ${job.attempt}` };
  }
  if (worker === undefined || claim === undefined) return lacks('AttemptStarted', 'worker, claim');
  if (job.counted >= job.limit) {
    const text = `attempt ${attempt} starts after ${job.counted} of ${job.limit} granted`;
    return { code: 'over-granted', text };
  }
  if (job.runAt !== undefined && at < job.runAt) {
    return { code: 'early-start', text: `started at ${at}, due at ${job.runAt}` };
  }
  const counted = job.counted + 1;
  return change(job, { state: 'running', attempt, counted, worker, claim, runAt: undefined });
}

/** An ending that a requested cancel turns into JobCanceled. */
function outcome(job: Stream, event: LoggedEvent): Sorry | undefined {
  const sorry = notRunning(job, event);
  if (sorry !== undefined || !job.canceling) return sorry;
  return { code: 'after-cancel', text: `${event.type} after a cancel was requested` };
}

function notRunning(job: Stream, { type, data }: LoggedEvent): Sorry | undefined {
  if (data.attempt === job.attempt) return undefined;
  const text = `${type} of attempt ${data.attempt}, attempt ${job.attempt} is running`;
  const isOver = data.attempt !== undefined && data.attempt < job.attempt && OUTCOMES.has(type);
  return { code: isOver ? 'second-outcome' : 'wrong-attempt', text };
}

function notTheWorkers(job: Stream, { data }: LoggedEvent): Sorry | undefined {
  if (data.worker === job.worker) return undefined;
  const text = `worker ${data.worker} lost attempt ${job.attempt}, worker ${job.worker} had it`;
  return { code: 'wrong-attempt', text };
}

function decided(job: Stream, event: LoggedEvent, losses: number): Sorry | undefined {
  const { decision, runAt } = event.data;
  const spent = `${job.counted} of ${job.limit} attempts`;
  const errorAt = event.position;
  if (decision?.action === 'fail') {
    if (decision.reason === 'exhausted' && job.counted < job.limit) {
      return { code: 'under-granted', text: `failed as exhausted after ${spent}` };
    }
    return ended(job, { state: 'failed', losses, errorAt });
  }
  if (decision?.action !== 'retry' || runAt === undefined) return lacks(event.type, 'a decision');
  if (job.counted >= job.limit) {
    return { code: 'over-granted', text: `to be tried again after ${spent}` };
  }
  return ended(job, { state: 'retrying', losses, errorAt, runAt, inFirstPlace: false });
}

function snoozed(job: Stream, event: LoggedEvent): Sorry | undefined {
  const sorry = outcome(job, event);
  const { runAt } = event.data;
  if (sorry !== undefined) return sorry;
  if (runAt === undefined) return lacks('JobSnoozed', 'runAt');
  const counted = job.counted - 1;
  return ended(job, { state: 'scheduled', counted, losses: 0, runAt, inFirstPlace: false });
}

function canceled(job: Stream, event: LoggedEvent): Sorry | undefined {
  const { from, attempt, hasError } = event.data;
  if ((from === 'running') !== (job.state === 'running')) {
    return { code: 'illegal-event', text: `canceled from ${from}, but the job is ${job.state}` };
  }
  if (job.state === 'running') {
    const unasked = { code: 'illegal-event', text: 'nobody asked to cancel it' } as const;
    if (!job.canceling) return unasked;
    if (attempt !== job.attempt) return notRunning(job, event);
  }
  return ended(job, { state: 'canceled', ...(hasError && { errorAt: event.position }) });
}

function retried(job: Stream, { data, position, hasPayload }: LoggedEvent): Sorry | undefined {
  const { extraAttempts = 0, maxAttempts = 0 } = data;
  if (extraAttempts < 1 || maxAttempts !== job.counted + extraAttempts) {
    const text = `limit ${maxAttempts}, but ${job.counted} are spent and ${extraAttempts} granted`;
    return { code: 'wrong-limit', text };
  }
  const payloadAt = hasPayload ? position : job.payloadAt;
  return change(job, { state: 'available', limit: maxAttempts, payloadAt, inFirstPlace: false });
}

/** The attempt is over, or the wait. */
function ended(job: Stream, after: Partial<Stream>): undefined {
  const none = { worker: undefined, claim: undefined, canceling: false, runAt: undefined };
  return change(job, { ...none, ...after });
}

function change(job: Stream, after: Partial<Stream>): undefined {
  Object.assign(job, after);
}

function lacks(type: string, what: string): Sorry {
  return { code: 'malformed', text: `${type} lacks ${what}` };
}
