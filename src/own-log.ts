import { destination, pino } from 'pino';
import type { Log } from './job/define.js';

/** Our own logger: JSON lines on stderr, so that they never mix with what a command prints. */
export function ownLog(): Log {
  const options = {
    name: 'jobledger',
    level: 'warn',
    serializers: { error: pino.stdSerializers.err },
  };
  return pino(options, destination({ dest: 2, sync: true }));
}
