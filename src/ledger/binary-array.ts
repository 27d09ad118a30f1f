/**
 * One-dimensional arrays in Postgres' binary format, for statements that carry a batch: as text,
 * every element would be quoted here and unquoted there. The format is that of `array_recv`
 * (src/backend/utils/adt/arrayfuncs.c): dimensions, whether nulls occur, the elements' type, then
 * length and lower bound; each element is its length, or −1 for null, and its bytes.
 */
type Column<T> = readonly (T | null)[];

export function uuidArray(ids: Column<string>): Buffer {
  return encode(ids, UUID, fixed(16), (buffer, id, at) => {
    // Two digits a byte, with a dash before the bytes 4, 6, 8 and 10.
    for (let byte = 0, digit = 0; byte < 16; byte++) {
      if (byte === 4 || byte === 6 || byte === 8 || byte === 10) digit++;
      buffer[at + byte] = (DIGITS[id.charCodeAt(digit++)]! << 4) | DIGITS[id.charCodeAt(digit++)]!;
    }
  });
}

export function textArray(texts: Column<string>): Buffer {
  const bytesOf = (text: string): number => Buffer.byteLength(text);
  return encode(texts, TEXT, bytesOf, (buffer, text, at) => void buffer.write(text, at));
}

/** Of serialised JSON. The byte in front is the format's version. */
export function jsonbArray(texts: Column<string>): Buffer {
  return encode(
    texts,
    JSONB,
    (text) => 1 + Buffer.byteLength(text),
    (buffer, text, at) => {
      buffer[at] = 1;
      buffer.write(text, at + 1);
    },
  );
}

export function int4Array(numbers: Column<number>): Buffer {
  return encode(numbers, INT4, fixed(4), (buffer, n, at) => void buffer.writeInt32BE(n, at));
}

export function int8Array(numbers: Column<number>): Buffer {
  return encode(numbers, INT8, fixed(8), (buffer, n, at) => {
    buffer.writeInt32BE(Math.floor(n / 2 ** 32), at);
    buffer.writeUInt32BE(n >>> 0, at + 4);
  });
}

export function float8Array(numbers: Column<number>): Buffer {
  return encode(numbers, FLOAT8, fixed(8), (buffer, n, at) => void buffer.writeDoubleBE(n, at));
}

export function booleanArray(flags: Column<boolean>): Buffer {
  return encode(flags, BOOLEAN, fixed(1), (buffer, flag, at) => void (buffer[at] = flag ? 1 : 0));
}

/** Object ids of the elements' types (src/include/catalog/pg_type.dat). */
const [BOOLEAN, INT8, INT4, TEXT, FLOAT8, UUID, JSONB] = [16, 20, 23, 25, 701, 2950, 3802] as const;
const HEADER_BYTES = 20;
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 0 : digit;
});

function fixed(bytes: number): () => number {
  return () => bytes;
}

function encode<T>(
  elements: Column<T>,
  type: number,
  sizeOf: (element: T) => number,
  write: (buffer: Buffer, element: T, at: number) => void,
): Buffer {
  let bytes = HEADER_BYTES;
  let nulls = 0;
  const sizes = new Int32Array(elements.length);
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index]!;
    const size = element === null ? -1 : sizeOf(element);
    sizes[index] = size;
    if (size === -1) nulls = 1;
    bytes += 4 + Math.max(0, size);
  }
  const buffer = Buffer.allocUnsafe(bytes);
  let at = writeHeader(buffer, elements.length, nulls, type);
  for (let index = 0; index < elements.length; index++) {
    const size = sizes[index]!;
    at = buffer.writeInt32BE(size, at);
    if (size === -1) continue;
    write(buffer, elements[index] as T, at);
    at += size;
  }
  return buffer;
}

/** An array without elements has one dimension all the same: of length 0, it reads as empty. */
function writeHeader(buffer: Buffer, length: number, nulls: number, type: number): number {
  let at = 0;
  for (const field of [1, nulls, type, length, 1]) at = buffer.writeInt32BE(field, at);
  return at;
}
