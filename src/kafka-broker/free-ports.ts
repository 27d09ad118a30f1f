import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Two ports of the loopback that nobody listens on. They lie below those that systems give to
 * outgoing connections: while a killed broker is away, such a connection could take its port, and a
 * client that tries to reconnect could even be connected to itself.
 */
export async function freePorts(): Promise<readonly [number, number]> {
  const first = await freePort();
  for (;;) {
    const second = await freePort();
    if (second !== first) return [first, second];
  }
}

/** True if nobody listens on the port of the loopback. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

const LOWEST = 12_000;
/** Linux starts its own range here, other systems later. */
const LIMIT = 32_768;

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, LIMIT);
    if (await isFree(port)) return port;
  }
}
