import { randomFillSync } from 'node:crypto';
import { LedgerError } from '../errors.js';
import { shown } from '../job/limits.js';

/**
 * Job ids are UUIDs whose last byte names their partition: `last byte mod partitions`, for ever.
 * Ids made here are version 7 (RFC 9562), and rise within a process: the twelve bits behind the time
 * count (section 6.2, method 1), so that their indexes grow at one end.
 */
export function newJobId(partition: number, partitions: number): string {
  if (offset + 16 > RANDOM.length) {
    randomFillSync(RANDOM);
    offset = 0;
  }
  const bytes = RANDOM.subarray(offset, (offset += 16));
  tick(bytes[6]!);
  bytes.writeUIntBE(latestMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | count, 6);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const copies = Math.floor(256 / partitions);
  bytes[15] = partition + partitions * (bytes[15]! % copies);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Time and count of the next id: a new millisecond begins anywhere in the lower part of the count. */
function tick(random: number): void {
  const now = Date.now();
  if (now > latestMs) {
    latestMs = now;
    count = random;
  } else if (++count > 0xfff) {
    // So many in one millisecond, or after the clock was set back: the time goes on with the ids.
    latestMs++;
    count = random;
  }
}

/** The partition of a job. */
export function partitionOf(jobId: string, partitions: number): number {
  return Number.parseInt(jobId.slice(-2), 16) % partitions;
}

/** True for the text of a UUID of any version. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** A short id `<partition>/<position>`, or undefined if the text is none. */
export function parseShortId(text: string): { partition: number; position: number } | undefined {
  const match = /^(\d{1,3})\/(\d{1,15})$/.exec(text);
  return match ? { partition: Number(match[1]), position: Number(match[2]) } : undefined;
}

/** The error for text that is neither a job id nor a short id. */
export function badId(text: unknown): LedgerError {
  return new LedgerError(
    'BAD_INPUT',
    `id: expected a UUID or a short id like 3/1042, got ${shown(text)}`,
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const RANDOM = Buffer.alloc(16 * 1024);
let offset = RANDOM.length;
let latestMs = 0;
let count = 0;
