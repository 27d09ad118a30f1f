import { expect } from 'vitest';
import { startCli, type ProcessOptions, type TestProcess } from './processes.js';

/** What a finished `jobledger` command said. */
export interface CliAnswer {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errorLines: readonly string[];
}

export interface CliOptions extends ProcessOptions {
  /** Written to its stdin, which is then closed. */
  readonly stdin?: string | Buffer;
}

/** Runs a `jobledger` command to its end. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliAnswer> {
  return answerOf(startCli(args, options), options.stdin);
}

/** What a process says until its end, given this on its stdin. */
export async function answerOf(
  child: TestProcess,
  stdin: string | Buffer = '',
): Promise<CliAnswer> {
  child.stdin.end(stdin);
  const { code } = await child.exit;
  return { code, lines: child.lines, errorLines: child.errorLines };
}

/** The same on a database, and how to ask it in JSON. */
export function cliOn(url: string): {
  run(args: readonly string[], options?: CliOptions): Promise<CliAnswer>;
  json(args: readonly string[], options?: CliOptions): Promise<unknown>;
} {
  const run = (args: readonly string[], options?: CliOptions): Promise<CliAnswer> =>
    cli([...args, '--database', url], options);
  return {
    run,
    json: async (args, options) => {
      const answer = await run([...args, '--json'], options);
      expect(answer.errorLines).toEqual([]);
      expect(answer.lines).toHaveLength(1);
      return JSON.parse(answer.lines[0] ?? '') as unknown;
    },
  };
}

/** Expects bad input: exit code 2, nothing on stdout, one line on stderr, which it gives. */
export function expectRefused(answer: CliAnswer, code = 2): string {
  expect(answer).toMatchObject({ code, lines: [] });
  expect(answer.errorLines).toHaveLength(1);
  expect(answer.errorLines[0]).toMatch(/^jobledger: /);
  return answer.errorLines[0] ?? '';
}

/** The error that a refused command answered with `--json`: one object on stdout, nothing else. */
export function errorOf(answer: CliAnswer): unknown {
  expect(answer.lines).toHaveLength(1);
  const object = JSON.parse(answer.lines[0] ?? '') as { readonly error: unknown };
  expect(Object.keys(object)).toEqual(['error']);
  return object.error;
}
