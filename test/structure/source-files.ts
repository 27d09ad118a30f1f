import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of this repository: its path from the root with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One import or re-export: what it names, and whether only types come in. */
export interface ImportOf {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS = /^(node_modules|dist|coverage|\.git|\.dist-.*|\.jobledger|.*\.tgz)$/;

/** Every file below a folder of the repository that is kept in version control. */
export function filesUnder(folder: string): readonly SourceFile[] {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const name = posix.join(folder, entry.name);
    if (NOT_OURS.test(entry.name)) return [];
    if (entry.isDirectory()) return filesUnder(name);
    return entry.isFile() ? [{ path: name, text: readFileSync(join(ROOT, name), 'utf8') }] : [];
  });
}

/** The TypeScript files below a folder. */
export function typescriptUnder(folder: string): readonly SourceFile[] {
  return filesUnder(folder).filter(({ path }) => path.endsWith('.ts'));
}

/** The text with its comments blanked: an example in a docstring is no import. */
export function code(text: string): string {
  const blank = (comment: string): string => comment.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/^\s*\/\/.*$/gm, blank);
}

/** What a file imports or re-exports, also dynamically. */
export function importsOf(file: SourceFile): readonly ImportOf[] {
  const text = code(file.text);
  const found = [
    ...text.matchAll(/^\s*(?:import|export)\s([^;'"]*?)\bfrom\s*['"]([^'"]+)['"]/gm),
    ...text.matchAll(/^\s*()import\s*['"]([^'"]+)['"]/gm),
    ...text.matchAll(/\b()import\(\s*['"]([^'"]+)['"]/g),
  ];
  return found.map(([, names = '', specifier = '']) => ({
    from: file.path,
    specifier,
    typeOnly: names.startsWith('type '),
  }));
}

/** The path of the file that a relative import means; undefined for a package. */
export function target({ from, specifier }: ImportOf): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
}
