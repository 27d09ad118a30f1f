/**
 * A stretch of a partition's line to look at: one kind, from behind a place up to the end of a
 * priority. Stretches leave out what this process has claimed already, so that no scan steps over
 * its dead rows.
 */
export interface Stretch {
  readonly kind: string;
  readonly fromPriority: number;
  readonly fromSeq: number;
  /** The last priority that belongs to it. */
  readonly toPriority: number;
}

/**
 * The rows of these stretches, as `r`. The scan begins at the place and ends with the priority: a
 * place as the end, compared as a row, would not end it, and a stretch without rows would cost as
 * much as the line is long.
 */
export function inStretch(partition: number, queue: string): string {
  return `r.partition = ${partition} and r.queue = ${queue} and r.kind = stretch.kind
        and (r.priority, r.seq) > (stretch.from_priority, stretch.from_seq)
        and r.priority <= stretch.to_priority`;
}

/** Stretches as a table, from four parameters that begin with this one. */
export function stretchTable(first: number): string {
  const types = ['text', 'int', 'bigint', 'int'];
  const arrays = types.map((type, index) => `$${first + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) stretch(kind, from_priority, from_seq, to_priority)`;
}

export function stretchValues(stretches: readonly Stretch[]): unknown[] {
  const column = <K extends keyof Stretch>(name: K) => stretches.map((one) => one[name]);
  return [column('kind'), column('fromPriority'), column('fromSeq'), column('toPriority')];
}
