import type { Command } from 'commander';
import { Screen } from '../demo/screen.js';
import { duration } from '../human.js';
import type { RebuildProgress } from '../index.js';
import { loadProjections } from './load-projections.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { withLedger } from './store-flags.js';
import { count, grouped } from './text.js';

const HELP = `
Example:
  $ jobledger projections rebuild jobs

Builds the read model from the first event on, beside the one that is served, and then serves it.
Needs no other process. If it is stopped, the same command goes on where it was.`;

/** `jobledger projections rebuild`. */
export function registerProjectionsRebuild(group: Command): void {
  const command = group
    .command('rebuild <name>')
    .description('build a read model anew from the log, beside the one that is served');
  addProjectionsOption(command)
    .addHelpText('after', HELP)
    .action(async (name: string, _, self: Command) =>
      rebuild(name, self.optsWithGlobals<ProjectionsFlags>()),
    );
}

async function rebuild(name: string, flags: ProjectionsFlags): Promise<void> {
  const projections = await loadProjections(flags.projections);
  const screen = new Screen(process.stderr);
  const begun = performance.now();
  const onProgress = (progress: RebuildProgress): void => screen.progress(told(progress));
  const status = await withLedger(flags, (ledger) =>
    ledger.projections({ projections }).rebuild(name, { onProgress }),
  ).finally(() => screen.endProgress());
  const seconds = (performance.now() - begun) / 1_000;
  if (flags.json === true) return printJson({ ...status, seconds });
  const rate = `${grouped(Math.round(status.events / seconds))} a second`;
  return print(
    `rebuilt ${name} ${status.version}: ${count(status.events, 'event')} in ${duration(seconds * 1_000)}, ${rate}; ${status.view} shows it`,
  );
}

function told({ events, of, eventsPerSecond, secondsLeft }: RebuildProgress) {
  const rate =
    eventsPerSecond === null
      ? ''
      : `${grouped(Math.round(eventsPerSecond))} events/s, ${duration((secondsLeft ?? 0) * 1_000)} left`;
  return { done: events, total: of, note: rate };
}
