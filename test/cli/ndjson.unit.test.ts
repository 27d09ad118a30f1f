import { expect, test } from 'vitest';
import { ndjsonJobs, type NdjsonJob } from '../../src/cli/ndjson.js';

test('lines become jobs with their numbers, blank ones are skipped but counted', async () => {
  const text = '{"kind":"a","payload":1,"priority":2}\r\n\n  \n{"kind":"b","payload":null}';
  await expect(jobs([Buffer.from(text)])).resolves.toMatchObject([
    { line: 1, kind: 'a', payload: 1, options: { priority: 2 } },
    { line: 4, kind: 'b', payload: null, options: {} },
  ]);
});

test('it does not matter where the chunks are cut, not even within a character', async () => {
  const text = Buffer.from('{"kind":"ä","payload":"ü"}\n{"kind":"ö","payload":"€"}\n');
  const whole = await jobs([text]);
  for (let cut = 1; cut < text.length; cut++) {
    const read = await jobs([text.subarray(0, cut), text.subarray(cut)]);
    expect(read).toEqual(whole);
  }
  expect(whole.map(({ payload }) => payload)).toEqual(['ü', '€']);
});

test.each([
  ['{"kind":', 'expected JSON: '],
  ['[1]', 'expected an object {"kind", "payload", …options}'],
  ['null', 'expected an object'],
  ['{"payload":1}', 'kind: expected text'],
  ['{"kind":{"kind":"x"},"payload":1}', 'kind: expected text'],
  ['{"kind":"x"}', 'payload: expected a JSON value'],
  ['{"kind":"x","payload":1,"transaction":{}}', 'transaction: no such option of enqueue'],
])('%s is refused by its line', async (text, expected) => {
  const read = jobs([Buffer.from(`\n${text}\n`)]);
  await expect(read).rejects.toThrow(`line 2: ${expected}`);
});

test('bytes that are no UTF-8 are refused by their line', async () => {
  const bytes = Buffer.concat([Buffer.from('\n"'), Buffer.from([0xff]), Buffer.from('"')]);
  await expect(jobs([bytes])).rejects.toThrow('line 2: expected UTF-8 text');
});

test('a line without an end is refused before it fills the memory', async () => {
  const endless = function* (): Generator<Buffer> {
    for (;;) yield Buffer.alloc(1024 * 1024, 'x');
  };
  await expect(jobs(endless())).rejects.toThrow('line 1: expected at most 8388608 bytes');
});

async function jobs(chunks: Iterable<Buffer>): Promise<NdjsonJob[]> {
  const read: NdjsonJob[] = [];
  for await (const job of ndjsonJobs(from(chunks))) read.push(job);
  return read;
}

async function* from(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}
