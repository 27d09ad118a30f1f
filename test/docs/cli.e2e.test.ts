import { describe, expect, it } from 'vitest';
import { startCli } from '../support/processes.js';
import { document, section } from './markdown.js';

const DOC = document('docs/cli.md');
const GLOBAL = ['--database', '--data', '--schema', '--pooler', '--json', '--help', '--version'];

describe('docs/cli.md', () => {
  it('has a section for each command, in the order of the help', async () => {
    const help = await helpOf([]);
    const commands = commandsIn(help);
    expect(commands.length).toBeGreaterThan(10);
    const sections = [...DOC.matchAll(/^## ([a-z]+)$/gm)].map((match) => match[1]);
    expect(sections).toEqual(commands);
    expect(new Set(flagsIn(section(DOC, 'Options of every command')))).toEqual(new Set(GLOBAL));
  }, 60_000);

  it('has a section for each command of a group, in the order of its help', async () => {
    const sections = [...DOC.matchAll(/^### ([a-z]+ [a-z]+)$/gm)].map((match) => match[1]!);
    const groups = [...new Set(sections.map((name) => name.split(' ')[0]!))];
    expect(groups).toContain('projections');
    const helps = await Promise.all(groups.map((group) => helpOf([group])));
    const actual = helps.flatMap((help, index) => {
      const commands = commandsIn(help.slice(help.indexOf('\nCommands:')));
      return commands.map((command) => `${groups[index]} ${command}`);
    });
    expect(sections).toEqual(actual);
  }, 60_000);

  it('lists exactly the options that each command has', async () => {
    const commands = [...DOC.matchAll(/^##+ ([a-z]+(?: [a-z]+)?)$/gm)].map((match) => match[1]!);
    const listed = commands.map((command) => {
      const [own = ''] = section(DOC, command).split('\n### ');
      const rows = own.split('\n').filter((line) => line.startsWith('|'));
      return { command, flags: rows.flatMap((row) => flagsIn(row.split('|')[1]!)) };
    });
    const actual = await Promise.all(
      commands.map(async (command) => {
        const help = await helpOf(command.split(' '));
        const own = flagsIn(help.slice(0, help.indexOf('Global Options:')));
        return { command, flags: own.filter((flag) => !GLOBAL.includes(flag)) };
      }),
    );
    expect(listed).toEqual(actual);
  }, 120_000);
});

/** The commands that a help lists. */
function commandsIn(help: string): readonly string[] {
  return [...help.matchAll(/^ {2}([a-z]+) (?=[ [<])/gm)].map((match) => match[1]!);
}

async function helpOf(args: readonly string[]): Promise<string> {
  const child = startCli([...args, '--help']);
  expect(await child.exit).toEqual({ code: 0, signal: null });
  return child.lines.join('\n');
}

/** The options that a text begins its lines or cells with, each once. */
function flagsIn(text: string): string[] {
  const found = [...text.matchAll(/(?:^\s*(?:-\w, )?|^\| *`| `)(--[a-z][a-z-]*)/gm)];
  return [...new Set(found.map((match) => match[1]!))];
}
