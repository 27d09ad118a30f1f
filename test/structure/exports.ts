import { code, target } from './source-files.js';
import type { SourceFile } from './source-files.js';

/** One public name, and where it is declared under which name. */
export interface ExportOf {
  readonly name: string;
  readonly path: string;
  readonly declared: string;
}

const DECLARATION =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|class|const|interface|type) (\w+)/gm;
const PASSED_ON = /^export (?:type )?\{([^}]*)\} from '([^']+)'/gm;

/** What a file exports, followed to the files that declare it. */
export function exportsOf(files: readonly SourceFile[], path: string): readonly ExportOf[] {
  const text = code(files.find((file) => file.path === path)?.text ?? '');
  const passedOn = [...text.matchAll(PASSED_ON)].flatMap(([, names = '', specifier = '']) => {
    const to = target({ from: path, specifier, typeOnly: false }) ?? specifier;
    return names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => followed(files, to, name));
  });
  const own = [...text.matchAll(DECLARATION)].map(([, name = '']) => name);
  return [...passedOn, ...[...new Set(own)].map((name) => ({ name, path, declared: name }))];
}

/** The exports that have no docstring right above their declaration, as `name (path)`. */
export function undocumented(files: readonly SourceFile[], path: string): readonly string[] {
  return exportsOf(files, path)
    .filter((one) => one.path.startsWith('src/') && !hasDocstring(files, one))
    .map((one) => `${one.name} (${one.path})`);
}

function followed(files: readonly SourceFile[], path: string, clause: string): ExportOf {
  const [declared = '', name = declared] = clause.replace(/^type /, '').split(/\s+as\s+/);
  const further = exportsOf(files, path).find((one) => one.name === declared);
  return { name, path: further?.path ?? path, declared: further?.declared ?? declared };
}

function hasDocstring(files: readonly SourceFile[], one: ExportOf): boolean {
  const text = files.find((file) => file.path === one.path)?.text ?? '';
  const first = [...text.matchAll(DECLARATION)].find(([, name]) => name === one.declared);
  return first !== undefined && /\*\/\s*$/.test(text.slice(0, first.index));
}
