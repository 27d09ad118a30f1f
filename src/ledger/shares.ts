import type { Queryable } from './queryable.js';

/** Two tables: who is there, and who has which partition. `scope` keeps uses of them apart. */
export interface SharesPlace {
  readonly pool: Queryable;
  readonly members: string;
  readonly shares: string;
  readonly scope: string;
  readonly partitions: number;
  /** How long somebody who says nothing keeps what he has. */
  readonly leaseMs: number;
}

/** The length of a lease, of which the parameter has the milliseconds. */
const lengthOf = (parameter: string) => `${parameter}::float8 * interval '1 millisecond'`;

/** Who takes part. */
export interface Member {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/**
 * Partitions shared out evenly among the processes that are there, each for as long as its lease is
 * renewed. A lease only says who should work; what keeps a late one from harm is the work's own fence.
 */
export class Shares {
  readonly #place: SharesPlace;
  readonly #member: Member;

  constructor(place: SharesPlace, member: Member) {
    this.#place = place;
    this.#member = member;
  }

  /** Says that we are there; keeps what we have, takes what is free, up to our part. Gives what is ours. */
  async renew(): Promise<ReadonlySet<number>> {
    await this.#appear();
    const most = Math.ceil(this.#place.partitions / Math.max(1, await this.#countMembers()));
    const kept = await this.#keep(most);
    if (kept.length >= most) return new Set(kept);
    return new Set([...kept, ...(await this.#take(most - kept.length))]);
  }

  /** Gives everything back at once, and is not there any more. */
  async drop(): Promise<void> {
    const { pool, shares, members, scope } = this.#place;
    await pool.query({
      text: `update ${shares} set owner = null, lease_until = null where scope = $1 and owner = $2::uuid`,
      values: [scope, this.#member.id],
    });
    await pool.query({
      text: `delete from ${members} where id = $1::uuid or
        scope = $2 and seen_at < clock_timestamp() - interval '1 hour'`,
      values: [this.#member.id, scope],
    });
  }

  async #appear(): Promise<void> {
    const { pool, members, scope } = this.#place;
    await pool.query({
      text: `insert into ${members}(id, scope, host, pid) values ($1::uuid, $2, $3, $4)
        on conflict (id) do update set seen_at = clock_timestamp()`,
      values: [this.#member.id, scope, this.#member.host, this.#member.pid],
    });
  }

  async #countMembers(): Promise<number> {
    const { pool, members, scope, leaseMs } = this.#place;
    const { rows } = await pool.query<{ count: number }>({
      text: `select count(*)::int as count from ${members}
        where scope = $1 and seen_at > clock_timestamp() - ${lengthOf('$2')}`,
      values: [scope, leaseMs],
    });
    return rows[0]!.count;
  }

  /** Renews at most so many of ours, even ones that have run out if nobody has taken them. */
  async #keep(most: number): Promise<readonly number[]> {
    const { pool, shares, scope } = this.#place;
    const { rows } = await pool.query<{ partition: number; kept: boolean }>({
      text: `with mine as (select partition, row_number() over (order by partition) <= $3 as kept
          from ${shares} where scope = $1 and owner = $2::uuid)
        update ${shares} s set owner = case when mine.kept then $2::uuid end,
          lease_until = case when mine.kept then clock_timestamp() + ${lengthOf('$4')} end
        from mine where s.scope = $1 and s.partition = mine.partition and s.owner = $2::uuid
        returning s.partition, mine.kept`,
      values: [scope, this.#member.id, most, this.#place.leaseMs],
    });
    return rows.filter(({ kept }) => kept).map(({ partition }) => partition);
  }

  /** Locked rows are somebody else's by the next moment. */
  async #take(count: number): Promise<readonly number[]> {
    const { pool, shares, scope, partitions } = this.#place;
    await pool.query({
      text: `insert into ${shares}(scope, partition) select $1, generate_series(0, $2::int - 1)
        on conflict do nothing`,
      values: [scope, partitions],
    });
    const { rows } = await pool.query<{ partition: number }>({
      text: `with free as (select partition from ${shares} where scope = $1
          and (owner is null or lease_until < clock_timestamp())
          order by partition limit $3 for update skip locked)
        update ${shares} s set owner = $2::uuid,
          lease_until = clock_timestamp() + ${lengthOf('$4')}
        from free where s.scope = $1 and s.partition = free.partition returning s.partition`,
      values: [scope, this.#member.id, count, this.#place.leaseMs],
    });
    return rows.map(({ partition }) => partition);
  }
}
