import { open } from 'node:fs/promises';
import type { Json } from '../index.js';
import { badInput, json } from './parse.js';

/** More text than any event can hold, escapes included; read no further. */
export const MAX_INPUT_BYTES = 8 * 1024 * 1024;

/** A value given as JSON text, `@FILE`, or `-` for stdin. */
export async function readValue(field: string, text: string): Promise<Json> {
  if (text === '-') return json(field)(await readAll(field, process.stdin));
  if (!text.startsWith('@')) return json(field)(text);
  return json(field)(await readFile(field, text.slice(1)));
}

/** Bytes as text; throws if they are no UTF-8. */
export function utf8(field: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badInput(`${field}: expected UTF-8 text`);
  }
}

async function readFile(field: string, path: string): Promise<string> {
  try {
    const file = await open(path);
    return await readAll(field, file.createReadStream());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    const why = { ENOENT: 'no such file', EISDIR: 'it is a folder', EACCES: 'no permission' }[code];
    throw badInput(`${field}: expected a readable file at ${JSON.stringify(path)}: ${why ?? code}`);
  }
}

async function readAll(field: string, input: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_INPUT_BYTES) {
      throw badInput(`${field}: expected at most ${MAX_INPUT_BYTES} bytes of text`);
    }
    chunks.push(chunk);
  }
  return utf8(field, Buffer.concat(chunks));
}
