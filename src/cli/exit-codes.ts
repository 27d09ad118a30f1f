import { isLedgerError } from '../errors.js';

/** What the exit code of `jobledger` says; the one place where answers become numbers. */
export const EXIT = {
  done: 0,
  /**
   * The answer is no: a verify that differs, a repair that would change something, a job not found, a
   * refusal by state.
   */
  no: 1,
  badInput: 2,
  unreachable: 3,
  /** A fault of the program, or of a handler's stray code in a worker process. */
  fault: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The part of `--help` that explains them. */
export const EXIT_CODES_HELP = `
Exit codes:
  0   done
  1   the answer is no: not found, refused by the job's state, verify differs,
      repair would change something
  2   bad input, or a data folder that cannot be used (not writable, its disk full)
  3   the database, or the receiver of traces, cannot be reached or written
  70  a fault of the program, or of stray code in a worker process`;

/** The exit code for an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isLedgerError(error)) return EXIT.fault;
  const { answer } = error;
  switch (answer) {
    case 'not-found':
    case 'refused':
      return EXIT.no;
    case 'bad-input':
      return EXIT.badInput;
    case 'unreachable':
      return EXIT.unreachable;
    case 'internal':
      return EXIT.fault;
    default: {
      const unknown: never = answer;
      throw new Error(`no exit code for ${String(unknown)}`);
    }
  }
}
