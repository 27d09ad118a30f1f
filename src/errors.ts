/**
 * Every error that jobledger throws on purpose, by its stable code. HTTP status and exit codes are
 * derived from `answer` at the edges (`http/`, `cli/`) and nowhere else.
 */
export const ERRORS = {
  BAD_INPUT: 'bad-input',
  BAD_CONFIG: 'bad-input',
  BAD_DATABASE_URL: 'bad-input',
  BAD_SERVER: 'bad-input',
  PAYLOAD_INVALID: 'bad-input',
  PAYLOAD_TOO_LARGE: 'bad-input',
  UNKNOWN_KIND: 'bad-input',
  DUPLICATE_KIND: 'bad-input',
  NOT_MIGRATED: 'bad-input',
  DATABASE_TOO_NEW: 'bad-input',
  OTHER_LEDGER: 'bad-input',
  READ_MODEL_MISSING: 'bad-input',
  MISSING_PACKAGE: 'bad-input',
  BAD_TOPIC: 'bad-input',
  DATA_FOLDER: 'bad-input',
  JOB_NOT_FOUND: 'not-found',
  PROJECTION_NOT_FOUND: 'not-found',
  NOT_CAUGHT_UP: 'refused',
  JOB_PARKED: 'refused',
  ILLEGAL_STATE: 'refused',
  JOB_EXISTS: 'refused',
  UNIQUE_KEY_TAKEN: 'refused',
  UNIQUE_KEY_BUSY: 'refused',
  BUFFER_FULL: 'refused',
  LEDGER_CLOSED: 'refused',
  CONFLICT: 'refused',
  LEDGER_RUNNING: 'refused',
  LEDGER_IS_MIRROR: 'refused',
  LEDGER_NOT_EMPTY: 'refused',
  UNSTORABLE: 'bad-input',
  TOPIC_AHEAD: 'refused',
  TOPIC_DIVERGED: 'refused',
  NOT_DIVERGED: 'refused',
  STORE_UNREACHABLE: 'unreachable',
  BROKER_UNREACHABLE: 'unreachable',
  STORE_READ_ONLY: 'unreachable',
  STORE_FULL: 'unreachable',
  RECEIVER_UNREACHABLE: 'unreachable',
  INTERNAL: 'internal',
} as const;

/** The code of a LedgerError: stable, so programs may branch on it. */
export type ErrorCode = keyof typeof ERRORS;
/** What kind of answer an error is; the command's exit codes follow from it. */
export type ErrorAnswer = (typeof ERRORS)[ErrorCode];

/**
 * An error of jobledger: a stable `code`, one line of text that names the field and what was
 * expected, and where there is one, the job it is about and the cause.
 *
 * @example
 * try {
 *   await ledger.cancel(id, { actor: 'ada', reason: 'sent twice' });
 * } catch (error) {
 *   if (isLedgerError(error, 'ILLEGAL_STATE')) console.log('too late:', error.message);
 * }
 */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: ErrorCode;
  readonly jobId: string | undefined;

  constructor(code: ErrorCode, message: string, options: { jobId?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.jobId = options.jobId;
  }

  /** What kind of answer this is, whatever the transport. */
  get answer(): ErrorAnswer {
    return ERRORS[this.code];
  }
}

/** True for a LedgerError, of the given code if one is named. */
export function isLedgerError(error: unknown, code?: ErrorCode): error is LedgerError {
  return error instanceof LedgerError && (code === undefined || error.code === code);
}
