import type { Command } from 'commander';
import { join, resolve } from 'node:path';
import { copyFiles, filesToCopy, type CopiedFile, type FileToCopy } from './copy-files.js';
import { badInput } from './parse.js';
import { print, printJson } from './print.js';
import { MODULES_MARKER, projectAround, runsTypeScript, type Project } from './user-project.js';

interface InitFlags {
  readonly ts?: boolean;
  readonly js?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

type Language = 'ts' | 'js';

const HELP = `
Example:
  $ jobledger projections init
  $ jobledger project --projections projections/index.js

Copies TypeScript if the project has a tsconfig.json, else JavaScript. What you have changed is kept.`;

/** `jobledger projections init`. */
export function registerProjectionsInit(group: Command): void {
  group
    .command('init [folder]')
    .description('copy the read models that come with the package into your project')
    .option('--ts', 'copy them as TypeScript')
    .option('--js', 'copy them as JavaScript')
    .option('--force', 'overwrite files that differ')
    .addHelpText('after', HELP)
    .action(async (folder: string | undefined, _, self: Command) => {
      await init(folder ?? 'projections', self.optsWithGlobals<InitFlags>());
    });
}

async function init(folder: string, flags: InitFlags): Promise<void> {
  if (folder.trim() === '') throw badInput('folder: expected the path of a folder, got blank text');
  if (flags.ts && flags.js) throw badInput('--ts, --js: expected one of them, not both');
  const project = await projectAround(folder);
  const language = flags.ts || (project.typescript && !flags.js) ? 'ts' : 'js';
  const shipped = await filesToCopy(SHIPPED[language], `.${language}`);
  const files = [...shipped, ...markerFor(folder, project, language)];
  const copied = await copyFiles(files, folder, flags.force === true);
  const next = nextSteps(folder, language);
  if (flags.json === true) return printJson({ folder, language, files: copied, next });
  for (const one of copied) await print(`${join(folder, one.file)}: ${told(one)}`);
  for (const line of next) await print(line);
}

const SHIPPED: { readonly [L in Language]: URL } = {
  ts: new URL('../../projections/', import.meta.url),
  js: new URL('../../dist/projections/', import.meta.url),
};

/** What Node runs as it stands must be marked as modules, in a project that is not. */
function markerFor(folder: string, project: Project, language: Language): FileToCopy[] {
  const isRun = language === 'js' || runsTypeScript();
  if (project.modules || !isRun || project.folder === resolve(folder)) return [];
  return [{ file: 'package.json', text: MODULES_MARKER }];
}

function told({ outcome }: CopiedFile): string {
  return outcome === 'kept' ? 'kept: differs' : outcome;
}

function nextSteps(folder: string, language: Language): readonly string[] {
  const run = 'npx jobledger project --projections';
  const index = join(folder, `index.${language}`);
  if (language === 'js') return [`next: ${run} ${index}`];
  const setting = '"rewriteRelativeImportExtensions": true in tsconfig.json (TypeScript 5.7+)';
  if (runsTypeScript()) return [`next: ${run} ${index}`, `to compile them: ${setting}`];
  return [
    `this Node (${process.version}) runs no .ts: compile them, with ${setting}, or copy them by --js`,
    `then: ${run} dist/projections/index.js, or where your compiler puts it`,
  ];
}
