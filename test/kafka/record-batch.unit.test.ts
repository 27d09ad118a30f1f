import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../../src/kafka/kafkajs/byte-writer.js';
import { loadInternals } from '../../src/kafka/kafkajs/internals.js';
import { writeRecordBatch } from '../../src/kafka/kafkajs/record-batch.js';

interface Decoded {
  readonly messages: readonly {
    readonly key: Buffer;
    readonly value: Buffer;
    readonly timestamp: string;
    readonly headers: Readonly<Record<string, Buffer>>;
    readonly offset: string;
    readonly batchContext: {
      readonly producerId: string;
      readonly producerEpoch: number;
      readonly inTransaction: boolean;
      readonly firstSequence: number;
    };
  }[];
}
const require = createRequire(import.meta.url);
const decode = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js') as (
  decoder: object,
) => Promise<Decoded['messages']>;
const Decoder = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => object;

/** Any text that UTF-8 can hold: a lone half of a pair is none. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);
const record = fc.record({
  key: text,
  value: text,
  // kafkajs reads a header named like a property of every object wrongly.
  headers: fc.dictionary(
    text.map((name) => `h_${name}`),
    text,
    { maxKeys: 9 },
  ),
  timestampMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
});
const sender = fc.record({
  producerId: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  producerEpoch: fc.integer({ min: 0, max: 32_767 }),
  sequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});

test("a batch is what kafkajs's own reader takes for the same records", async () => {
  const { crc32C } = loadInternals();
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 40 }),
      sender,
      async (given, by) => {
        const to = new ByteWriter();
        const size = to.skip(4);
        writeRecordBatch(to, given, by, crc32C);
        to.patchInt32(size, to.length - size - 4);
        const read = await decode(new Decoder(Buffer.from(to.bytes())));
        expect(
          read.map(({ key, value, timestamp, headers }) => ({
            key: key.toString(),
            value: value.toString(),
            timestampMs: Number(timestamp),
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()]),
            ),
          })),
        ).toEqual(given.map((one) => ({ ...one, headers: { ...one.headers } })));
        expect(read.map(({ offset }) => Number(offset))).toEqual(given.map((_, index) => index));
        expect(read[0]!.batchContext).toMatchObject({
          ...{ producerId: String(by.producerId), producerEpoch: by.producerEpoch },
          ...{ firstSequence: by.sequence, inTransaction: true },
        });
        const bytes = to.bytes(4);
        expect(bytes.readUInt32BE(17)).toBe(crc32C(bytes.subarray(21)));
      },
    ),
    { numRuns: 200 },
  );
});
