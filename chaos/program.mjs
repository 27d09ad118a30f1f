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
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Imports a module of the copy. */
export function load(program, path) {
  return import(pathToFileURL(join(program, 'dist', path)).href);
}

/**
 * Changes a built file of the copy. Throws unless the text stands there as often as expected: a
 * mutant that is none would prove nothing.
 */
export function mutate(program, path, from, to, times = 1) {
  const file = join(program, 'dist', path);
  const text = readFileSync(file, 'utf8');
  const found = text.split(from).length - 1;
  if (found !== times) {
    throw new Error(`${path}: expected ${times} × ${JSON.stringify(from)}, found ${found}`);
  }
  writeFileSync(file, text.replaceAll(from, to));
}
