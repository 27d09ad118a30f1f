import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badInput } from './parse.js';

/** A file to be written, by its name in the folder. */
export interface FileToCopy {
  readonly file: string;
  readonly text: string;
}

/** What became of it: `kept` is one that was there and differs. */
export interface CopiedFile {
  readonly file: string;
  readonly outcome: 'written' | 'same' | 'kept';
}

/** The files of a folder of this package that end like this, declarations left out. */
export async function filesToCopy(from: URL, ending: string): Promise<readonly FileToCopy[]> {
  const names = (await readdir(from)).filter((name) => name.endsWith(ending));
  const files = names.filter((name) => !name.endsWith('.d.ts')).sort();
  return Promise.all(
    files.map(async (file) => ({
      file,
      text: await readFile(join(fileURLToPath(from), file), 'utf8'),
    })),
  );
}

/** Writes what is not there; what differs only if told to. */
export async function copyFiles(
  files: readonly FileToCopy[],
  folder: string,
  overwrites: boolean,
): Promise<readonly CopiedFile[]> {
  try {
    await mkdir(folder, { recursive: true });
    const copied: CopiedFile[] = [];
    for (const one of files) {
      copied.push({ file: one.file, outcome: await copy(one, folder, overwrites) });
    }
    return copied;
  } catch (error) {
    throw badInput(`folder: expected one that can be written: ${(error as Error).message}`);
  }
}

async function copy(
  { file, text }: FileToCopy,
  folder: string,
  overwrites: boolean,
): Promise<CopiedFile['outcome']> {
  const path = join(folder, file);
  const there = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there === text) return 'same';
  if (there !== undefined && !overwrites) return 'kept';
  // A file that came meanwhile is nobody's to overwrite unasked.
  await writeFile(path, text, { flag: overwrites ? 'w' : 'wx' });
  return 'written';
}
