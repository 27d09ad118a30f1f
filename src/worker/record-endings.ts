import { transact } from '../database.js';
import { finishStatement } from '../ledger/finish-statement.js';
import { lockPartition, type Store } from '../ledger/store.js';
import { succeedStatement } from '../ledger/succeed-statement.js';
import type { Decided } from './endings.js';

/**
 * Ends the attempts of one partition in one transaction, successes by a statement of their own.
 * Gives those back whose lease was not there to be ended, and whether the worker is still alive.
 */
export async function recordEndings(
  store: Store,
  partition: number,
  worker: number,
  decided: readonly Decided[],
): Promise<{ readonly missed: ReadonlySet<Decided>; readonly alive: boolean }> {
  const isSuccess = (one: Decided): boolean => one.event.type === 'AttemptSucceeded';
  const parts = [
    { part: decided.filter(isSuccess), statement: succeedStatement },
    { part: decided.filter((one) => !isSuccess(one)), statement: finishStatement },
  ].filter(({ part }) => part.length > 0);
  const [, ...results] = await transact(store.database, [
    lockPartition(store, partition),
    ...parts.map(({ part, statement }) =>
      statement(
        store,
        partition,
        worker,
        part.map((one) => one.ending),
      ),
    ),
  ]);
  const answers = results.map((result) => result.rows[0] as Answer);
  const missed = parts.flatMap(({ part }, index) => answers[index]!.missed.map((at) => part[at]!));
  return { missed: new Set(missed), alive: answers.every((one) => one.alive) };
}

interface Answer {
  readonly missed: readonly number[];
  readonly alive: boolean;
}
