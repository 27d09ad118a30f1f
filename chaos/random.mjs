// Numbers from a seed, the same in every run: each part of a run draws from a stream of its own, so
// that one part's draws do not depend on how far another has come.
import { createHash } from 'node:crypto';

/** A stream of random numbers for these names. */
export function randomOf(...names) {
  let block = 0;
  let bytes = Buffer.alloc(0);
  const next = () => {
    if (bytes.length < 4) {
      bytes = createHash('sha256')
        .update(`${names.join('/')}/${block++}`)
        .digest();
    }
    const number = bytes.readUInt32BE(0) / 2 ** 32;
    bytes = bytes.subarray(4);
    return number;
  };
  return {
    next,
    /** A whole number from `least` to `most`. */
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (list) => list[Math.floor(next() * list.length)],
    chance: (share) => next() < share,
    shuffled: (list) => {
      const rest = [...list];
      return list.map(() => rest.splice(Math.floor(next() * rest.length), 1)[0]);
    },
  };
}

/** A job's id for these names: a UUID whose last byte, the partition, is as random as the rest. */
export function idOf(...names) {
  const bytes = createHash('sha256').update(names.join('/')).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
