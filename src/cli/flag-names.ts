import { isLedgerError, LedgerError } from '../errors.js';

/** The library's refusal of one option in the command's words: `maxAttempts` is a flag here. */
export function namingFlags(error: unknown, flags: Readonly<Record<string, string>>): unknown {
  if (!isLedgerError(error)) return error;
  const [, option = '', rest] =
    /^(?:\w+\.)?(\w+)(: (?:expected|cannot) .*)$/s.exec(error.message) ?? [];
  const flag = Object.hasOwn(flags, option) ? flags[option] : undefined;
  if (flag === undefined) return error;
  const { code, jobId, cause } = error;
  const said = rest!.replace(/\b(with|after|before) (\w+)/, (all, word: string, other: string) =>
    Object.hasOwn(flags, other) ? `${word} ${flags[other]}` : all,
  );
  return new LedgerError(code, `${flag}${said}`, { jobId, cause });
}
