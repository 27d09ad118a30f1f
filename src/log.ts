import type { Log } from './job/define.js';

/** The log to write to: the given one, none for `false`, else our own. None of its calls throws. */
export async function logOf(option: Log | false | undefined): Promise<Log> {
  if (option === false) return SILENT;
  // Loaded only here: a program with a logger of its own should not pay for ours.
  return harmless(option ?? (await import('./own-log.js')).ownLog());
}

/** What a logger must have and the given one lacks; undefined if it is one. */
export function logProblem(option: unknown): string | undefined {
  if (option === undefined || option === false) return undefined;
  const missing = lackOf(option);
  if (missing.length === 0) return undefined;
  return `logger: expected false, or a logger with ${METHODS.join(', ')}; it lacks ${missing.join(', ')}`;
}

function lackOf(logger: unknown): readonly string[] {
  const given = Object(logger) as Record<string, unknown>;
  return METHODS.filter((name) => typeof given[name] !== 'function');
}

const nothing = (): void => undefined;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const METHODS = [...LEVELS, 'child'];

/**
 * The same log, whose calls never throw. They stand where an outcome is on its way to the ledger: one
 * that threw there (a full disk, a closed transport) would strand the attempt.
 */
function harmless(log: Log): Log {
  const at = (level: (typeof LEVELS)[number]) => (fields: object | string, message?: string) => {
    try {
      const answer: unknown =
        message === undefined ? log[level](fields) : log[level](fields, message);
      if (answer instanceof Promise) answer.catch(nothing);
    } catch {
      // There is nowhere left to tell it.
    }
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => harmless(childOf(log, fields)),
    ...(log.isLevelEnabled && { isLevelEnabled: (level) => isEnabled(log, level) }),
  };
}

/** Lines without the child's fields are better than none. */
function childOf(log: Log, fields: object): Log {
  try {
    const child = log.child(fields);
    return lackOf(child).length === 0 ? child : log;
  } catch {
    return log;
  }
}

function isEnabled(log: Log, level: string): boolean {
  try {
    return log.isLevelEnabled!(level);
  } catch {
    return true;
  }
}

const SILENT: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => SILENT,
  isLevelEnabled: () => false,
};
