import type { Command } from 'commander';
import type { ProjectionVerification, RowDifference } from '../index.js';
import { EXIT } from './exit-codes.js';
import { loadProjections } from './load-projections.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { withLedger } from './store-flags.js';
import { count, grouped, oneLine } from './text.js';

/** `jobledger projections verify`. */
export function registerProjectionsVerify(group: Command): void {
  const command = group
    .command('verify [name]')
    .description('fold the log anew and compare what is served with it, row by row');
  addProjectionsOption(command).action(async (name: string | undefined, _, self: Command) => {
    const flags = self.optsWithGlobals<ProjectionsFlags>();
    const projections = await loadProjections(flags.projections);
    const answers = await withLedger(flags, (ledger) =>
      ledger.projections({ projections }).verify(name),
    );
    if (answers.some(({ verified }) => !verified)) process.exitCode = EXIT.no;
    if (flags.json === true) return printJson(answers);
    if (answers.length === 0) return print('no read model is served whose code is here');
    for (const answer of answers) await tellProjection(answer);
  });
}

/** Prints what was found of a read model. */
export async function tellProjection(answer: ProjectionVerification): Promise<void> {
  for (const difference of answer.differences) await print(described(answer.name, difference));
  const seen = `${count(answer.rows, 'row')}, ${count(answer.events, 'event')}`;
  const parked = answer.parked === 0 ? '' : `, ${count(answer.parked, 'job')} parked`;
  const found = answer.verified ? 'verified' : `differs: ${grouped(answer.differing)} of`;
  await print(`${answer.name} ${answer.version} ${found} ${seen}${parked}`);
}

function described(name: string, { key, what, columns }: RowDifference): string {
  const row = Object.entries(key).map(([column, value]) => `${column} ${String(value)}`);
  const values = Object.entries(columns).map(
    ([column, { is, want }]) =>
      `${column} is ${JSON.stringify(is)}, expected ${JSON.stringify(want)}`,
  );
  const rest = values.length === 0 ? '' : `: ${values.join('; ')}`;
  return oneLine(`${name}, ${row.join(', ')}: ${what}${rest}`);
}
