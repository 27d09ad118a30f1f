import type { Command } from 'commander';
import { registerProjectionsInit } from './projections-init.js';

/** `jobledger projections`, a group of commands. */
export function registerProjections(program: Command): void {
  const group = program
    .command('projections')
    .description('copy the read models that come with the package, to make them your own')
    .helpCommand(false);
  for (const register of [registerProjectionsInit]) register(group);
}
