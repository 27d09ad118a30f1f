import { describe, expect, it } from 'vitest';
import { decide, isRejection } from '../../src/job/decide.js';
import type { JobCommand } from '../../src/job/commands.js';
import { COMMAND_TABLE, TABLE_COMMANDS } from './command-table.js';
import { SITUATIONS } from './situations.js';
import type { Situation } from './situations.js';
import { JOB_ID } from './stream.js';

const CELLS = Object.entries(COMMAND_TABLE).flatMap(([command, row]) =>
  Object.entries(row).map(
    ([situation, answer]) =>
      [command as JobCommand['type'], situation as Situation, answer] as const,
  ),
);

describe('the table of commands and states', () => {
  it.each(CELLS)('answers %s on %s with %s', (command, situation, expected) => {
    const answer = decide(SITUATIONS[situation]().state, TABLE_COMMANDS[command]);
    const got = isRejection(answer) ? answer.rejected : answer.map((event) => event.type).join();
    expect(got).toBe(expected);
  });

  it.each(
    CELLS.filter(([, situation, answer]) => situation !== 'none' && /^[A-Z_]+$/.test(answer)),
  )('refuses %s on %s in one line that names the job', (command, situation) => {
    const answer = decide(SITUATIONS[situation]().state, TABLE_COMMANDS[command]);
    if (!isRejection(answer)) throw new Error('it was not refused');
    expect(answer.message).toContain(JOB_ID);
    expect(answer.message).not.toContain('\n');
  });
});
