/**
 * A stretch of a partition's line to look at: one kind, strictly between two places. Stretches
 * leave out what this process has claimed already, so that no scan steps over its dead rows.
 */
export interface Stretch {
  readonly kind: string;
  readonly fromPriority: number;
  readonly fromSeq: number;
  readonly toPriority: number;
  readonly toSeq: number;
}

/** The rows of these stretches, as `r`. Each scan begins and ends within the index. */
export function inStretch(partition: number, queue: string): string {
  return `r.partition = ${partition} and r.queue = ${queue} and r.kind = stretch.kind
        and (r.priority, r.seq) > (stretch.from_priority, stretch.from_seq)
        and (r.priority, r.seq) < (stretch.to_priority, stretch.to_seq)`;
}

/** Stretches as a table, from five parameters that begin with this one. */
export function stretchTable(first: number): string {
  const types = ['text', 'int', 'bigint', 'int', 'bigint'];
  const arrays = types.map((type, index) => `$${first + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) stretch(kind, from_priority, from_seq, to_priority, to_seq)`;
}

export function stretchValues(stretches: readonly Stretch[]): unknown[] {
  const column = <K extends keyof Stretch>(name: K) => stretches.map((one) => one[name]);
  return [
    ...[column('kind'), column('fromPriority'), column('fromSeq')],
    ...[column('toPriority'), column('toSeq')],
  ];
}
