import type { Log } from './job/define.js';

/** The log to write to: the given one, none for `false`, else our own. */
export async function logOf(option: Log | false | undefined): Promise<Log> {
  if (option === false) return SILENT;
  // Loaded only here: a program with a logger of its own should not pay for ours.
  return option ?? (await import('./own-log.js')).ownLog();
}

const nothing = (): void => undefined;

const SILENT: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => SILENT,
  isLevelEnabled: () => false,
};
