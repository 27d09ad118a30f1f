import { isLedgerError, LedgerError } from '../errors.js';

/** The library's refusal of one option in the command's words: `maxAttempts` is a flag here. */
export function namingFlags(error: unknown, flags: Readonly<Record<string, string>>): unknown {
  if (!isLedgerError(error)) return error;
  const [, option = '', rest] =
    /^(?:\w+\.)?(\w+)(: (?:expected|cannot) .*)$/s.exec(error.message) ?? [];
  const flag = Object.hasOwn(flags, option) ? flags[option] : undefined;
  if (flag === undefined) return error;
  const { code, jobId, cause } = error;
  return new LedgerError(code, `${flag}${rest}`, { jobId, cause });
}
