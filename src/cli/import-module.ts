import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';
import { badInput } from './parse.js';
import { oneLine } from './text.js';

/** What a user's module exports, by name. Any fault is one line that names the flag and the file. */
export async function importModule(flag: string, path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw badInput(`${flag}: expected a file, there is none at ${path}`);
  if (!found.isFile()) throw badInput(`${flag}: expected a file, ${path} is none`);
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const why = await whyNotLoaded(path, error);
    throw new LedgerError('BAD_INPUT', `${flag}: ${why}`, { cause: error });
  }
}

async function whyNotLoaded(path: string, error: unknown): Promise<string> {
  if (!(error instanceof Error)) return `${path} threw while loading: ${oneLine(String(error))}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return `this Node (${process.version}) cannot run ${extname(path)} files (${path}); expected .mjs or .js`;
  }
  const what = oneLine(`${error.name}: ${error.message}`);
  if (error instanceof SyntaxError) return `${path}${await lineOfSyntaxError(path)}: ${what}`;
  return `${path} threw while loading: ${what}`;
}

/** `:12`, or nothing if the fault is in a file that this one imports. The error itself does not say. */
async function lineOfSyntaxError(path: string): Promise<string> {
  const args = ['--check', resolve(path)];
  const said = await promisify(execFile)(process.execPath, args, { timeout: 10_000 }).then(
    () => '',
    (error: { readonly stderr?: string }) => error.stderr ?? '',
  );
  return /^\S.*(:\d+)$/m.exec(said)?.[1] ?? '';
}

/** What sort of value this is, for the end of `expected …, got …`. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
