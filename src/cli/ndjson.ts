import type { EnqueueOptions } from '../index.js';
import { badInput, json } from './parse.js';
import { MAX_INPUT_BYTES, utf8 } from './payload.js';

/** One job of an NDJSON stream, with the number of its line and the bytes it took. */
export interface NdjsonJob {
  readonly line: number;
  readonly bytes: number;
  readonly kind: string;
  readonly payload: unknown;
  readonly options: EnqueueOptions;
}

/** The jobs of a stream, read as they are asked for. Blank lines are skipped, but counted. */
export async function* ndjsonJobs(input: AsyncIterable<Buffer>): AsyncGenerator<NdjsonJob> {
  let line = 0;
  for await (const bytes of lines(input)) {
    line += 1;
    const text = utf8(`line ${line}`, bytes).trim();
    if (text !== '') yield { line, bytes: bytes.length, ...jobOf(line, text) };
  }
}

/** Lines without their ends, as bytes: a chunk may end within a character. */
async function* lines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let count = 0;
  for await (const chunk of input) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      count += 1;
      yield rest.length === 0
        ? chunk.subarray(from, end)
        : Buffer.concat([...rest, chunk.subarray(from, end)]);
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > MAX_INPUT_BYTES) {
      throw badInput(`line ${count + 1}: expected at most ${MAX_INPUT_BYTES} bytes`);
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}

function jobOf(line: number, text: string): Pick<NdjsonJob, 'kind' | 'payload' | 'options'> {
  const value = json(`line ${line}`)(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput(`line ${line}: expected an object {"kind", "payload", …options}`);
  }
  const { kind, payload, ...options } = value as { readonly [name: string]: unknown };
  if (typeof kind !== 'string') throw badInput(`line ${line}: kind: expected text`);
  if (payload === undefined) throw badInput(`line ${line}: payload: expected a JSON value`);
  for (const name of ['job', 'transaction']) {
    if (name in options) throw badInput(`line ${line}: ${name}: no such option of enqueue`);
  }
  return { kind, payload, options };
}
