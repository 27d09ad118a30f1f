import type { EventText } from './record.js';

/** All records of a transaction are one batch, which brokers refuse above 1 MiB unless told. */
const MOST_BYTES = 900 * 1024;
/** What a record has beside its own texts: names of headers, ids, times. */
const OVERHEAD_BYTES = 450;

/** Events cut into stretches of which each fits one batch; one that alone is larger stands alone. */
export function* cutBatches(events: readonly EventText[]): Generator<readonly EventText[]> {
  let from = 0;
  let bytes = 0;
  for (let to = 0; to < events.length; to++) {
    const more = sizeOf(events[to]!);
    if (to > from && bytes + more > MOST_BYTES) {
      yield events.slice(from, to);
      from = to;
      bytes = 0;
    }
    bytes += more;
  }
  if (from < events.length) yield events.slice(from);
}

function sizeOf({ data, meta, kind, queue }: EventText): number {
  return (
    OVERHEAD_BYTES + [data, meta, kind, queue].reduce((sum, text) => sum + byteLength(text), 0)
  );
}

/** Metadata is twice in a record at most: its trace has headers of its own. */
function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
