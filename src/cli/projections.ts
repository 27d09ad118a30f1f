import type { Command } from 'commander';
import { registerProjectionsDrop } from './projections-drop.js';
import { registerProjectionsInit } from './projections-init.js';
import { registerProjectionsParked } from './projections-parked.js';
import { registerProjectionsPause } from './projections-pause.js';
import { registerProjectionsRebuild } from './projections-rebuild.js';
import { registerProjectionsRollback } from './projections-rollback.js';
import { registerProjectionsShow } from './projections-show.js';
import { registerProjectionsStatus } from './projections-status.js';
import { registerProjectionsVerify } from './projections-verify.js';

/** `jobledger projections`, a group of commands. */
export function registerProjections(program: Command): void {
  const group = program
    .command('projections')
    .description('look after the read models: how far they are, rebuild, roll back, prove')
    .helpCommand(false);
  const commands = [
    ...[registerProjectionsInit, registerProjectionsStatus, registerProjectionsShow],
    ...[registerProjectionsRebuild, registerProjectionsRollback, registerProjectionsDrop],
    ...[registerProjectionsPause, registerProjectionsParked, registerProjectionsVerify],
  ];
  for (const register of commands) register(group);
}
