import type { Repair, RepairOptions } from './api-repair.js';
import { LedgerError } from './errors.js';
import { booleanProblem, unknownOptions } from './job/option-problems.js';
import { planRepair, repair } from './ledger/repair/repair.js';
import { refuseMirror } from './ledger/role.js';
import type { Store } from './ledger/store.js';

/** Checks the options, then plans or repairs. */
export async function repairLedger(store: Store, options: RepairOptions): Promise<Repair> {
  const problems = [
    ...unknownOptions(options, { dryRun: true }, 'repairDispatch'),
    booleanProblem('dryRun', options.dryRun),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new LedgerError('BAD_INPUT', problems.join('; '));
  await refuseMirror(store, 'repair');
  return options.dryRun === true ? planRepair(store) : repair(store);
}
