import { finishStatement } from '../ledger/outcome/finish-statement.js';
import type { Store } from '../ledger/store.js';
import { succeedStatement } from '../ledger/outcome/succeed-statement.js';
import { inPartition, tryPartition } from '../ledger/try-partition.js';
import { wakeReturned } from '../ledger/wake.js';
import type { Decided, DecidedEnding, DecidedSuccess } from './endings.js';

/**
 * Ends the attempts of one partition in one transaction, successes by a statement of their own.
 * Gives those back whose lease was not there to be ended, and whether the worker is still alive. What
 * was released is told to who is idle.
 */
export async function recordEndings(
  store: Store,
  partition: number,
  worker: number,
  decided: readonly Decided[],
): Promise<{ readonly missed: ReadonlySet<Decided>; readonly alive: boolean }> {
  const successes = decided.filter((one): one is DecidedSuccess => 'success' in one);
  const others = decided.filter((one): one is DecidedEnding => 'ending' in one);
  const succeed = () => {
    const rows = successes.map((one) => one.success);
    return succeedStatement(store, partition, worker, rows);
  };
  const finish = () => {
    const rows = others.map((one) => one.ending);
    return finishStatement(store, partition, worker, rows);
  };
  const statements = [
    ...(successes.length > 0 ? [succeed()] : []),
    ...(others.length > 0 ? [finish()] : []),
  ];
  const results =
    (await tryPartition(store, partition, statements)) ??
    (await inPartition(store, partition, statements));
  const answers = results.map((result) => result.rows[0] as Answer);
  const parts = [successes, others].filter((part) => part.length > 0);
  const missed = new Set<Decided>(
    parts.flatMap((part, index) => answers[index]!.missed.map((at) => part[at]!)),
  );
  const released = others.filter((one) => one.ending.then === 'line' && !missed.has(one));
  wakeReturned(
    store,
    partition,
    released.map(({ attempt }) => attempt.claim.queue),
  );
  return { missed, alive: answers.every((one) => one.alive) };
}

interface Answer {
  readonly missed: readonly number[];
  readonly alive: boolean;
}
