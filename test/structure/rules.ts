import { code, importsOf, target } from './source-files.js';
import type { ImportOf, SourceFile } from './source-files.js';

/** Which folders of src/ a folder may import; `root` means the files directly in src/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  job: [],
  ledger: ['root', 'job'],
  // A second opinion is worth something only if it shares nothing with what it judges.
  checker: [],
  embedded: ['root'],
  'kafka-broker': ['root'],
  // What a span says of an attempt, live or re-created.
  trace: ['root', 'job'],
  otel: ['root', 'job', 'trace'],
  worker: ['root', 'job', 'trace', 'ledger'],
  projector: ['root', 'job', 'trace', 'ledger'],
  kafka: ['root', 'job', 'trace', 'ledger'],
  consumer: ['root', 'job', 'trace', 'ledger', 'kafka'],
  http: ['root', 'job', 'trace', 'ledger', 'worker', 'projector', 'kafka', 'consumer', 'embedded'],
  // The demo is a user of the package like any other.
  demo: ['root'],
  cli: [
    'root',
    'job',
    'trace',
    'otel',
    'ledger',
    'worker',
    'projector',
    'kafka',
    'consumer',
    'embedded',
    'kafka-broker',
    'http',
    'demo',
  ],
};

/** The files that put the folders together. */
const COMPOSERS = /^src\/(index|open|open-[a-z-]+)\.ts$/;

/** Imports that point the wrong way, as `from → to`. */
export function forbiddenArrows(files: readonly SourceFile[]): readonly string[] {
  return files
    .flatMap(importsOf)
    .filter((one) => !isAllowed(one))
    .map((one) => `${one.from} → ${target(one) ?? one.specifier}`);
}

/**
 * Imports of read models, as `from → to`, that would not hold in a user's folder: only the package
 * by its name, and files beside them as Node finds them.
 */
export function foreignToProjections(files: readonly SourceFile[]): readonly string[] {
  return files
    .flatMap(importsOf)
    .filter(({ specifier }) => specifier !== 'jobledger' && !/^\.\/[\w-]+\.ts$/.test(specifier))
    .map(({ from, specifier }) => `${from} → ${specifier}`);
}

/** Files that lie on a ring of imports, types included, each ring once. */
export function cycles(files: readonly SourceFile[]): readonly string[] {
  const next = new Map(files.map((file) => [file.path, targetsOf(file)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const one of next.get(path) ?? []) visit(one, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

/** Files that only pass other files' exports on, other than the public one. */
export function barrels(files: readonly SourceFile[]): readonly string[] {
  const passedOn = /export\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s*from\s*['"][^'"]+['"];?/g;
  const isBarrel = (text: string): boolean =>
    text.trim() !== '' && text.replace(passedOn, '').trim() === '';
  return files
    .filter(({ path, text }) => path !== 'src/index.ts' && isBarrel(code(text)))
    .map(({ path }) => path);
}

/** Places where a pattern stands in the code, as `path:line`; comments do not count. */
export function placesInCode(pattern: RegExp, files: readonly SourceFile[]): readonly string[] {
  const bare = files.map((file) => ({ ...file, text: code(file.text) }));
  return places(pattern, bare);
}

/** Places where a pattern stands, comments included. */
export function places(pattern: RegExp, files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(new RegExp(pattern, 'g'))].map(
      (match) => `${path}:${text.slice(0, match.index).split('\n').length}`,
    ),
  );
}

/** Packages that files import, without those that come with Node. */
export function packagesOf(files: readonly SourceFile[]): ReadonlySet<string> {
  const outside = files.flatMap(importsOf).filter((one) => target(one) === undefined);
  const named = outside.filter(({ specifier }) => !specifier.startsWith('node:'));
  return new Set(
    named.map(({ specifier }) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    ),
  );
}

function isAllowed(one: ImportOf): boolean {
  const from = folderOf(one.from);
  const path = target(one);
  if (path === undefined) return from !== 'job' || isPure(one);
  if (!path.startsWith('src/')) return false;
  const to = folderOf(path);
  if (from === to || COMPOSERS.test(one.from)) return true;
  // The public interface is written in the job's words: types alone may come up to the root.
  if (from === 'root') return to === 'job' && one.typeOnly;
  return (ALLOWED[from] ?? []).includes(to);
}

/** What rules without clock, I/O or randomness may still take from outside. */
function isPure({ specifier, typeOnly }: ImportOf): boolean {
  return typeOnly || ['node:crypto', 'node:util'].includes(specifier);
}

function folderOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : 'root';
}

function targetsOf(file: SourceFile): readonly string[] {
  return importsOf(file).flatMap((one) => target(one) ?? []);
}
