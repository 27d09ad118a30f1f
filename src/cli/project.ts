import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Ledger, Projection } from '../index.js';
import { cliLog } from './cli-log.js';
import { giveWay } from './give-way.js';
import { loadProjections } from './load-projections.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { StopSignals } from './stop-signals.js';
import { ledgerOptions, logLevel, openWith } from './store-flags.js';
import { count } from './text.js';

const HELP = `
Example:
  $ jobledger project --projections projections/index.js

Ctrl-C or SIGTERM stops it; another process, or the next start, goes on from there.
A new version of a read model is built beside the old one and takes its place once it has caught up.`;

/** A store that does not answer must not keep the process that wants to end. */
const CLOSE_MS = 5_000;

/** `jobledger project`. */
export function registerProject(program: Command): void {
  const command = program
    .command('project')
    .description('keep the read models up to date until stopped');
  addProjectionsOption(command)
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => project(self.optsWithGlobals<ProjectionsFlags>()));
}

async function project(flags: ProjectionsFlags): Promise<void> {
  const signals = new StopSignals();
  giveWay();
  const projections = await loadProjections(flags.projections);
  const log = cliLog({ json: flags.json === true, level: logLevel('info') });
  const ledger = await openWith({ ...ledgerOptions(flags), logger: log });
  try {
    const projector = ledger.projector({ projections });
    await projector.start();
    await tell('started', projections, flags);
    const signal = await signals.first;
    log.info({ signal }, 'stopping; a second signal exits at once');
    await projector.stop();
    await tell('stopped', projections, flags);
  } finally {
    await close(ledger);
  }
}

async function tell(
  event: string,
  projections: readonly Projection[],
  { json }: ProjectionsFlags,
): Promise<void> {
  const versions = projections.map(({ name, version }) => ({ name, version }));
  if (json === true) return printJson({ event, pid: process.pid, projections: versions });
  const names = versions.map(({ name, version }) => `${name} ${version}`).join(', ');
  return print(`projector ${event}: ${count(versions.length, 'read model')} (${names})`);
}

async function close(ledger: Ledger): Promise<void> {
  await Promise.race([ledger.close(), pause(CLOSE_MS, undefined, { ref: false })]);
}
