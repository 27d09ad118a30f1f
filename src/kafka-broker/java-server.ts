import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';

/** A running Java process. */
export interface JavaServer {
  readonly pid: number;
  /** True until it has ended. */
  running(): boolean;
  /** Sends the signal and waits for its end; with SIGTERM at most 10 seconds, then SIGKILL. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * Runs java with its output appended to the log file. It ends with this process, however this one
 * ends; it does not see a Ctrl-C of the terminal, so that its clients can be stopped first.
 */
export async function startJava(args: readonly string[], logFile: string): Promise<JavaServer> {
  const log = await open(logFile, 'a');
  const child = spawn('java', args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.pid !== undefined) guard(child, child.pid);
  try {
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    running,
    end: async (signal) => {
      if (!running()) return;
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended.finally(() => clearTimeout(late));
    },
  };
}

const STOP_TIMEOUT_MS = 10_000;

/**
 * A shell that waits for the end of its input. The system closes that pipe when this process ends,
 * also by SIGKILL; nothing in this process could then still act.
 */
function guard(child: ChildProcess, pid: number): void {
  const script = 'cat >/dev/null; kill -9 "$1"';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined); // the broker is of use without it
  shell.stdin.on('error', () => undefined);
  child.once('exit', () => shell.kill('SIGKILL'));
}
