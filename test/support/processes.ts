import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** How a child ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node process of a test. */
export interface TestProcess {
  readonly pid: number;
  /** What it wrote to stdout so far, and to stderr. */
  readonly lines: readonly string[];
  readonly errorLines: readonly string[];
  readonly stdin: Writable;
  readonly exit: Promise<Exit>;
  /** The first line of stdout that fits, also one already written; rejects if it ends without. */
  waitForLine(expected: string | RegExp): Promise<string>;
  /** Sends the signal (SIGKILL unless told) and resolves when the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Sends the signal and resolves at once. */
  signal(signal: NodeJS.Signals): void;
  /** Stops reading its stdout, as `| head` does. */
  closeStdout(): void;
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const CHILDREN = new URL('./children/', import.meta.url);
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const running = new Set<TestProcess>();

/** Runs `test/support/children/<script>`, which uses the compiled package in `dist/`. */
export function startChild(script: string, options: ProcessOptions = {}): TestProcess {
  return startNode(fileURLToPath(new URL(script, CHILDREN)), options);
}

/** Runs the compiled `jobledger` command. */
export function startCli(args: readonly string[], options: ProcessOptions = {}): TestProcess {
  return startNode(CLI, { ...options, args });
}

/** Runs a JavaScript file. However the test ends, the process ends with it. */
export function startNode(file: string, options: ProcessOptions = {}): TestProcess {
  const child = spawn(process.execPath, [file, ...(options.args ?? [])], {
    cwd: options.cwd,
    env: { ...withoutOurs(process.env), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const started = wrap(child);
  running.add(started);
  void started.exit.then(() => running.delete(started));
  killAfterTest(started);
  return started;
}

/** Ends what the hooks of a file started. */
export async function endProcesses(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()));
}

function wrap(child: ChildProcessByStdio<Writable, Readable, Readable>): TestProcess {
  const lines: string[] = [];
  const errorLines: string[] = [];
  const watchers = new Set<() => void>();
  let ended: Exit | undefined;
  const wake = (): void => watchers.forEach((watcher) => watcher());
  createInterface({ input: child.stdout }).on('line', (line) => (lines.push(line), wake()));
  createInterface({ input: child.stderr }).on('line', (line) => errorLines.push(line));
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = { code, signal };
      wake();
      resolve(ended);
    });
  });
  const waitForLine = (expected: string | RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find((text) =>
          typeof expected === 'string' ? text.includes(expected) : expected.test(text),
        );
        if (line === undefined && ended === undefined) return;
        watchers.delete(look);
        if (line !== undefined) resolve(line);
        else
          reject(
            new Error(`ended without "${expected}":\n${[...lines, ...errorLines].join('\n')}`),
          );
      };
      watchers.add(look);
      look();
    });
  const kill = (name: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    child.kill(name);
    return exit;
  };
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    pid: child.pid ?? 0,
    lines,
    errorLines,
    stdin: child.stdin,
    exit,
    waitForLine,
    kill,
    signal,
    closeStdout: () => void child.stdout.destroy(),
  };
}

/** A child of a test ends with the test, one of a hook with the file. */
function killAfterTest(child: TestProcess): void {
  try {
    onTestFinished(async () => void (await child.kill()));
  } catch {
    // not inside a test
  }
}

/** A child is configured by its test alone, never by the environment of the run. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { DATABASE_URL: _url, KAFKA_BROKERS: _brokers, NODE_OPTIONS: _options, ...rest } = env;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => !/^(PG|VITEST)/.test(name)));
}
