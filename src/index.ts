export { openLedger, migrateDatabase } from './open-ledger.js';
export { defineJob } from './job/define-job.js';
export { NonRetryableError, RetryLaterError } from './job/handler-errors.js';
export { LedgerError, isLedgerError, type ErrorCode, type ErrorAnswer } from './errors.js';
export type {
  Actor,
  DatabaseOption,
  Difference,
  Enqueued,
  EnqueueItem,
  EnqueueOptions,
  Job,
  Ledger,
  LedgerOptions,
  LedgerWorker,
  ListedJob,
  ListOptions,
  Middleware,
  StateCounts,
  Stats,
  Transition,
  UniqueOption,
  Verification,
  WorkerInfo,
  WorkerOptions,
} from './api.js';
export type {
  AbortReason,
  AttemptFacts,
  Classifier,
  FollowUps,
  Handler,
  HandlerContext,
  HandlerOptions,
  JobContract,
  JobOptions,
  Log,
  RunnableJob,
  Schema,
  Verdict,
} from './job/define.js';
export type {
  EventMeta,
  EventType,
  FailureDecision,
  JobEvents,
  RecordedEvent,
  UniqueScope,
  WaitingState,
} from './job/events.js';
export type { ErrorCategory, ErrorRecord } from './job/error-record.js';
export type { Json, JsonObject } from './job/json.js';
export type { JobFacts, JobState, StateName } from './job/state.js';
export type { RetryContext, RetryFunction, RetryOption, RetryPolicy } from './job/retry.js';
export { VERSION } from './version.js';
