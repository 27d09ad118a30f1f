import { isLedgerError } from '../errors.js';
import type { Log } from '../index.js';
import { oneLine } from './text.js';

export interface LogStyle {
  /** JSON lines for machines instead of lines for people. */
  readonly json: boolean;
  readonly level: string;
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'];

/** The command's log, on stderr. */
export function cliLog(style: LogStyle, bound: object = {}): Log {
  const lowest = LEVELS.indexOf(style.level);
  const at = (level: string) => (fields: object, message?: string) => {
    if (LEVELS.indexOf(level) < lowest) return;
    const all = { ...bound, ...fields };
    process.stderr.write(
      `${style.json ? jsonLine(level, all, message) : line(level, all, message)}\n`,
    );
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => cliLog(style, { ...bound, ...fields }),
    isLevelEnabled: (level) => LEVELS.indexOf(level) >= lowest,
  };
}

/** `14:03:22 warn  attempt lost  jobId=… attempt=2`. */
function line(level: string, fields: object, message = ''): string {
  const clock = new Date().toISOString().slice(11, 19);
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${text(value)}`);
  return oneLine([`${clock} ${level.padEnd(5)} ${message}`, ...shown].join('  '));
}

function text(value: unknown): string {
  // What we throw on purpose says in one line what to do; anything else is looked for by its stack.
  if (isLedgerError(value)) return value.message;
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === 'string' ? value : printed(value);
}

function jsonLine(level: string, fields: object, message?: string): string {
  return printed({ level, time: new Date().toISOString(), ...fields, msg: message });
}

/** A handler may log anything: what JSON cannot hold must not end the worker. */
function printed(value: unknown): string {
  try {
    return JSON.stringify(value, (_, one: unknown) => {
      if (one instanceof Error) return { name: one.name, message: one.message, stack: one.stack };
      return typeof one === 'bigint' ? String(one) : one;
    });
  } catch (error) {
    return JSON.stringify({ unprintable: (error as Error).message });
  }
}
