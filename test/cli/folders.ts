import { rmSync } from 'node:fs';
import { afterAll } from 'vitest';

const folders: string[] = [];

/** The folder, which is removed when the file's tests are over. */
export function removeAfterFile(folder: string): string {
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
});
