// The program under test: a copy of dist/ in the run's own folder, so that a build in the meantime
// does not mix two programs, and so that a mutant can be made of it.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Copies the built package into the folder; gives the copy's own folder. */
export function copyProgram(folder) {
  const copy = join(folder, 'program');
  mkdirSync(copy);
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  // What its broker is fetched by.
  cpSync(join(ROOT, 'scripts/kafka'), join(copy, 'scripts/kafka'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Imports a module of the copy. */
export function load(program, path) {
  return import(pathToFileURL(join(program, 'dist', path)).href);
}

/**
 * Changes a built file of the copy. Throws unless the pattern fits there exactly once: a mutant that
 * is none would prove nothing.
 */
export function mutate(program, path, pattern, instead) {
  const file = join(program, 'dist', path);
  const text = readFileSync(file, 'utf8');
  const found = [...text.matchAll(new RegExp(pattern, 'g'))].length;
  if (found !== 1) throw new Error(`${path}: expected ${pattern} once, found it ${found} times`);
  writeFileSync(
    file,
    text.replace(pattern, () => instead),
  );
}
