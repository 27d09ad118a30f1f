import { EXIT } from './exit-codes.js';
import { oneLine } from './text.js';

let stdoutClosed = false;

/**
 * A reader that goes away (`| head`) ends the printing, not the work: what was asked for is still
 * done, and its exit code still says how it went.
 */
export function guardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    stdoutClosed = true;
    if (error.code === 'EPIPE') return;
    warn(`stdout: cannot be written: ${error.message}`);
    process.exit(EXIT.fault);
  });
  process.stderr.on('error', () => undefined);
}

/** Prints lines of an answer; settles when stdout takes more. */
export async function print(text: string): Promise<void> {
  if (stdoutClosed || process.stdout.write(`${text}\n`)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'error', 'close']) process.stdout.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'error', 'close']) process.stdout.on(event, done);
  });
}

/** Settles when everything printed has left, or cannot any more. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => setImmediate(resolve)));
  }
}

/** Prints one JSON value on one line. */
export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value));
}

/** A line on stderr: errors, and notes that are no part of the answer. */
export function warn(text: string): void {
  process.stderr.write(`jobledger: ${oneLine(text)}\n`);
}
