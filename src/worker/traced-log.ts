import type { Log } from '../job/define.js';

/**
 * A log whose lines lead to a span. The ids go into each line and not into a child's fields: where
 * pino is instrumented it adds the same ones to the line, and a line must not have a field twice.
 */
export function tracedLog(log: Log, ids: Readonly<Record<string, string>>): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object | string, message?: string) =>
      typeof fields === 'string'
        ? log[level](ids, fields)
        : log[level]({ ...ids, ...fields }, message);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => tracedLog(log.child(fields), ids),
    ...(log.isLevelEnabled && { isLevelEnabled: (level) => log.isLevelEnabled!(level) }),
  };
}
