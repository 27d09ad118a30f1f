export { openLedger, migrateDatabase } from './open-ledger.js';
export { consumeEvents, migrateConsumerTables } from './open-consumer.js';
export { beginEpoch, mirrorLedger, promoteMirror, restoreLedger } from './open-from-kafka.js';
export { defineJob } from './job/define-job.js';
export { defineProjection } from './projector/projection.js';
export { column, nullable } from './projector/columns.js';
export { NonRetryableError, RetryLaterError } from './job/handler-errors.js';
export { LedgerError, isLedgerError, type ErrorCode, type ErrorAnswer } from './errors.js';
export type { Actor, DatabaseOption, EnqueueItem, Job, Ledger, LedgerOptions } from './api.js';
export type { AsOf, AsOfOption } from './api-as-of.js';
export type { DiffOptions, LedgerDiff, PastStats } from './api-past.js';
export type { Enqueued, EnqueueOptions, UniqueOption } from './job/enqueue-options.js';
export type {
  BulkAction,
  BulkOptions,
  BulkPreview,
  BulkResult,
  JobPage,
  PageOptions,
} from './api-bulk.js';
export type { JobFilter } from './api-filter.js';
export type {
  Difference,
  Finding,
  ListedJob,
  ListOptions,
  StateCounts,
  Stats,
  Verification,
  VerifyOptions,
} from './api-views.js';
export type {
  LedgerProjections,
  ParkedJob,
  ProjectionsOptions,
  ProjectionStatus,
  ProjectionVerification,
  RebuildProgress,
  RowDifference,
  UpTo,
} from './api-projections.js';
export type {
  Repair,
  RepairChange,
  RepairCounts,
  RepairedTable,
  RepairOptions,
} from './api-repair.js';
export type {
  Column,
  Columns,
  ColumnType,
  JobSoFar,
  LedgerProjector,
  Projection,
  ProjectionSpec,
  ProjectorOptions,
  Row,
  RowHandler,
  RowOf,
  Stay,
} from './api-projector.js';
export type {
  KafkaLogin,
  KafkaOptions,
  LedgerRelay,
  PublicationStatus,
  PublishedPartition,
  RelayOptions,
  EpochStart,
  TopicDifference,
  TopicRange,
  TopicVerification,
} from './api-kafka.js';
export type {
  EpochOptions,
  FromKafkaOptions,
  LedgerMirror,
  MirrorOptions,
  NewEpoch,
  NewEpochPartition,
  Restored,
  RestoreOptions,
  RestoreProgress,
} from './api-restore.js';
export type {
  ConsumeFrom,
  ConsumerOptions,
  ConsumerPosition,
  ConsumerTrouble,
  EpochReset,
  EventConsumer,
  EventContext,
  EventHandler,
  ParkedEvent,
  ParkedFilter,
  Unparked,
} from './api-consumer.js';
export type {
  LedgerWorker,
  Middleware,
  Transition,
  WorkerInfo,
  WorkerOptions,
} from './api-worker.js';
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
  EventOf,
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
