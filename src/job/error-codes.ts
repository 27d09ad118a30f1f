import type { ErrorCategory } from './error-record.js';

/** The category of a system, HTTP client or SQL error code; undefined for a code that says nothing. */
export function categoryOfCode(code: unknown): ErrorCategory | undefined {
  if (typeof code !== 'string') return undefined;
  return CODES.get(code) ?? categoryOfUndici(code) ?? categoryOfSqlState(code);
}

const CODES: ReadonlyMap<string, ErrorCategory> = new Map([
  ['ECONNREFUSED', 'network'],
  ['ECONNRESET', 'network'],
  ['ENOTFOUND', 'network'],
  ['EAI_AGAIN', 'network'],
  ['EPIPE', 'network'],
  ['EHOSTUNREACH', 'network'],
  ['EHOSTDOWN', 'network'],
  ['ENETUNREACH', 'network'],
  ['ENETDOWN', 'network'],
  ['ETIMEDOUT', 'timeout'],
  ['ESOCKETTIMEDOUT', 'timeout'],
  ['ECONNABORTED', 'timeout'],
  ['ENOENT', 'not-found'],
  ['EACCES', 'permission'],
  ['EPERM', 'permission'],
  ['EROFS', 'permission'],
  ['ENOSPC', 'dependency'],
  ['EMFILE', 'dependency'],
  ['ENFILE', 'dependency'],
]);

function categoryOfUndici(code: string): ErrorCategory | undefined {
  if (!code.startsWith('UND_ERR_')) return undefined;
  if (code.startsWith('UND_ERR_INVALID') || code.startsWith('UND_ERR_NOT_SUPPORTED')) {
    return 'programming';
  }
  return code.endsWith('TIMEOUT') || code === 'UND_ERR_ABORTED' ? 'timeout' : 'network';
}

/** Postgres and its like: five characters, the first two of which are the class. */
function categoryOfSqlState(code: string): ErrorCategory | undefined {
  if (!/^[0-9][0-9A-Z]{4}$/.test(code)) return undefined;
  if (code === '42501') return 'permission';
  if (code === '40001' || code === '40P01' || code.startsWith('57P')) return 'dependency';
  if (code === '57014') return 'timeout';
  if (code.startsWith('08') || code.startsWith('53')) return 'dependency';
  return code.startsWith('22') || code.startsWith('23') ? 'validation' : undefined;
}
