import type { Statement } from '../../database.js';
import type { Stretch } from './stretches.js';
import type { Store } from '../store.js';

/** A stretch of a certain line. */
export interface LineStretch extends Stretch {
  readonly partition: number;
  readonly queue: string;
}

/** The first row of a line for one kind. */
export interface PeekedRow {
  readonly partition: number;
  readonly queue: string;
  readonly kind: string;
  readonly priority: number;
  readonly seq: number;
  /** Whether this partition is one of those that this worker looks at first. */
  readonly own: boolean;
  /** How many live workers look at this queue or at another of this worker's. */
  readonly workers: number;
}

/** Who looks. */
export interface Onlooker {
  readonly worker: number;
  readonly queues: readonly string[];
  /** How many places others' partitions may be left behind its own. */
  readonly behind: number;
}

/**
 * The first live row of each stretch, most urgent first. Takes no lock; one index probe each. Strays,
 * rows whose stream does not exist, hide nobody.
 *
 * Where several workers look, each has partitions that it looks at first, so that they do not meet at
 * one partition's lock. Within a priority none is left behind by more than `behind` for that, and who
 * finds nothing in its own takes from the others'.
 */
export function peekStatement(
  store: Store,
  stretches: readonly LineStretch[],
  { worker, queues, behind }: Onlooker,
): Statement {
  const column = <K extends keyof LineStretch>(name: K) => stretches.map((one) => one[name]);
  return {
    name: 'jl_peek',
    text: `select s.partition, s.queue, s.kind, r.priority, r.seq, s.partition % workers = rank as own, workers
      from unnest($1::smallint[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::int[])
        s(partition, queue, kind, from_priority, from_seq, to_priority)
      cross join (select greatest(count(*), 1) as workers, count(*) filter (where id < $7) as rank
        from ${store.tables.workers} where dead_at is null and ended_at is null and queues && $8::text[]
        offset 0) crew
      cross join lateral (select priority, seq from ${store.tables.ready} r
        where r.partition = s.partition and r.queue = s.queue and r.kind = s.kind
          and (r.priority, r.seq) > (s.from_priority, s.from_seq)
          and r.priority <= s.to_priority
          and exists (select from ${store.tables.events} e where e.partition = s.partition
            and e.position = r.position and e.stream_id = r.job_id offset 0)
        order by r.priority, r.seq limit 1 offset 0) r
      order by r.priority, r.seq + case when s.partition % workers = rank then 0 else $9::bigint end`,
    values: [
      column('partition'),
      column('queue'),
      column('kind'),
      column('fromPriority'),
      column('fromSeq'),
      column('toPriority'),
      worker,
      queues,
      behind,
    ],
  };
}

/** Every kind that waits in a queue, found by hopping through the index from kind to kind. */
export function waitingKindsStatement(store: Store, queues: readonly string[]): Statement {
  return {
    text: `with recursive line as (
        select p.partition, q.queue from generate_series(0, $2::int - 1) p(partition), unnest($1::text[]) q(queue)),
      hop as (
        select line.partition, line.queue, first.kind from line cross join lateral (
          select kind from ${store.tables.ready} r where r.partition = line.partition and r.queue = line.queue
          order by kind limit 1 offset 0) first
        union all
        select hop.partition, hop.queue, next.kind from hop cross join lateral (
          select kind from ${store.tables.ready} r where r.partition = hop.partition and r.queue = hop.queue
            and r.kind > hop.kind order by kind limit 1 offset 0) next)
      select distinct kind from hop`,
    values: [queues, store.partitions],
  };
}
