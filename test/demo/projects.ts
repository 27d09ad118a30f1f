import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { dataHome } from '../support/folder.js';

/** Files by path; objects are written as JSON. */
export type Files = Readonly<Record<string, string | object>>;

/** A folder with these files; it goes with the test. */
export async function project(files: Files): Promise<string> {
  const folder = await dataHome();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** A lockfile of today with these entries. */
export function lockfile(packages: Readonly<Record<string, object>>): object {
  return { name: 'app', lockfileVersion: 3, packages: { '': { name: 'app' }, ...packages } };
}
