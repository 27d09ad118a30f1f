import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** What a user's project says about itself. */
export interface Project {
  /** It has a tsconfig.json. */
  readonly typescript: boolean;
  /** Where its package.json is, if it has one, and whether that makes modules of its .js files. */
  readonly folder: string | undefined;
  readonly modules: boolean;
}

/** A package.json that says just that the files beside it are modules. */
export const MODULES_MARKER = '{ "type": "module" }\n';

/**
 * The project that a folder is in, or is to be in: up to the first package.json on the way up that
 * is more than a marker.
 */
export async function projectAround(folder: string): Promise<Project> {
  let typescript = false;
  for (let at = resolve(folder); ; at = dirname(at)) {
    typescript ||= await isThere(join(at, 'tsconfig.json'));
    const text = await readFile(join(at, 'package.json'), 'utf8').catch(() => MODULES_MARKER);
    if (text !== MODULES_MARKER) return { typescript, folder: at, modules: isModules(text) };
    if (at === dirname(at)) return { typescript, folder: undefined, modules: false };
  }
}

/** Whether this Node runs .ts files as they are (22.18 and later, earlier ones by a flag). */
export function runsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: string | false };
  return typeof typescript === 'string';
}

function isModules(text: string): boolean {
  try {
    return (JSON.parse(text) as { readonly type?: unknown } | null)?.type === 'module';
  } catch {
    return false;
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
