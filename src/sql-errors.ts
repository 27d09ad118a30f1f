import { LedgerError } from './errors.js';

/** The SQLSTATE of an error that Postgres sent, or undefined. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  // No class begins with E, but system codes of five letters do (EPIPE).
  return typeof code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? code : undefined;
}

/** A value that Postgres cannot hold or compute with: the row is at fault, not the batch. */
export function isDataError(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error) ?? '') && !isUniqueViolation(error);
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** Nobody gave way within `lock_timeout`; nothing was done. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

/** What the events of a mirror answer to everybody but the copier. */
export const IS_MIRROR_STATE = 'JL001';

/** The same as an error of ours, where a lock was not even waited for. */
export function partitionLocked(): Error {
  return Object.assign(new Error('the partition is locked'), { code: '55P03' });
}

/** A deadlock or serialization failure: rolled back whole, safe to run again. */
export function isRetryableConflict(error: unknown): boolean {
  return ['40001', '40P01'].includes(sqlState(error) ?? '');
}

/** The store is away, going away, full or a standby; whether the last commit took place is open. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = sqlState(error);
  if (state !== undefined) return /^(08|57P|53|25006|25P03|58)/.test(state);
  const { code } = error as { code?: string };
  if (code !== undefined && SYSTEM_CODES.has(code)) return true;
  return /connection terminated|connection error|timeout exceeded when trying to connect|not queryable|client was closed|query read timeout/i.test(
    error.message,
  );
}

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_DESTROYED',
  'EMFILE',
  'ENFILE',
]);

/** The same error as one of ours, in one line, if it is about the store: reaching it, or one's rights there. */
export function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LedgerError) return error;
  const state = sqlState(error) ?? '';
  const refused = loginRefusal(error, state);
  if (refused !== undefined) {
    return new LedgerError('STORE_UNREACHABLE', `database: login refused: ${refused}`, {
      cause: error,
    });
  }
  if (state === '3D000') {
    return new LedgerError('STORE_UNREACHABLE', `database: ${error.message}`, { cause: error });
  }
  if (state === '42501') {
    return new LedgerError('BAD_SERVER', `database: this role may not do that: ${error.message}`, {
      cause: error,
    });
  }
  if (state === IS_MIRROR_STATE) {
    return new LedgerError(
      'LEDGER_IS_MIRROR',
      'database: this ledger is filled from its topic, and takes no other events meanwhile',
      { cause: error },
    );
  }
  if (state === '25006') {
    return new LedgerError('STORE_READ_ONLY', 'database: the server is a standby or read-only', {
      cause: error,
    });
  }
  if (state === '53100') {
    return new LedgerError('STORE_FULL', 'database: the disk is full', { cause: error });
  }
  if (isConnectionError(error)) {
    return new LedgerError('STORE_UNREACHABLE', `database: cannot be reached: ${reason(error)}`, {
      cause: error,
    });
  }
  // A session that the server would not begin: a startup option that it does not have, say.
  if ((error as { severity?: unknown }).severity === 'FATAL') {
    return new LedgerError('STORE_UNREACHABLE', `database: no session: ${error.message}`, {
      cause: error,
    });
  }
  return error;
}

/** Why the server or the driver let nobody in. The driver has no codes for its own refusals. */
function loginRefusal(error: Error, state: string): string | undefined {
  if (/^28/.test(state)) return error.message;
  if (/client password must be|^Password must be a string/.test(error.message)) {
    return 'a password is needed, and none was given';
  }
  return error.message.startsWith('SASL: ') ? error.message : undefined;
}

/** Node's AggregateError (several addresses tried) has an empty message. */
function reason(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : error;
  return (
    (first?.message || error.message || (error as { code?: string }).code) ?? 'connection failed'
  );
}
