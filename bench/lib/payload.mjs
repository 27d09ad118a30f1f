import { randomBytes } from 'node:crypto';

/** What the issue asks for, in bytes of JSON. */
export const PAYLOAD_BYTES = 200;

const BARE_BYTES = JSON.stringify({ n: 1_000_000, pad: '' }).length;

/** A maker of payloads of this many bytes of JSON. Their text compresses no better than base64. */
export function payloads(bytes = PAYLOAD_BYTES) {
  const length = bytes - BARE_BYTES;
  const pads = Array.from({ length: 64 }, () =>
    randomBytes(length).toString('base64').slice(0, length),
  );
  return (n) => ({ n, pad: pads[n % pads.length] });
}
