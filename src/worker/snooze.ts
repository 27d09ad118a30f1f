import { LedgerError } from '../errors.js';
import { toInstant } from '../job/instant.js';
import { delayProblem } from '../job/limits.js';

const BRAND = Symbol.for('jobledger.Snooze');

/** Thrown by `context.snooze`; no error, though a handler that catches everything will meet it. */
export class Snooze extends Error {
  override readonly name = 'Snooze';
  readonly [BRAND] = true;
  readonly delayMs: number | undefined;
  readonly runAt: string | undefined;

  constructor(until: Date | string | number) {
    super('this attempt was snoozed');
    if (typeof until === 'number') {
      const problem = delayProblem('snooze', until);
      if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
      this.delayMs = until;
    } else {
      const answer = toInstant('snooze', until);
      if ('problem' in answer) throw new LedgerError('BAD_INPUT', answer.problem);
      this.runAt = answer.instant;
    }
  }
}

/** Until when, if what was thrown is a snooze. It may be anything: a proxy throws at any look at it. */
export function snoozeOf(
  thrown: unknown,
): { readonly delayMs: number | undefined; readonly runAt: string | undefined } | undefined {
  try {
    if (!(thrown instanceof Error && BRAND in thrown)) return undefined;
    const { delayMs, runAt } = thrown as Snooze;
    return { delayMs, runAt };
  } catch {
    return undefined;
  }
}
