import type { ClientBase } from 'pg';
import type { Queryable } from '../ledger/queryable.js';
import type { ConsumerTrouble } from '../api-consumer.js';
import type { Group } from './group.js';
import type { Halt } from './judge.js';
import type { Point } from './source.js';

/** A partition's row. */
export interface Place extends Point {
  /** Another number whenever somebody has moved the position by hand. */
  readonly round: number;
  readonly parked: number;
}

/** The same with what stands in the way. */
export interface StoredPlace extends Place {
  readonly partition: number;
  readonly trouble: ConsumerTrouble | null;
  readonly begins: { readonly epoch: number; readonly position: number } | undefined;
}

interface PlaceRow {
  readonly partition: number;
  readonly epoch: number | null;
  readonly position: number;
  readonly resume_at: number | null;
  readonly round: number;
  readonly parked: number;
  readonly trouble_code: ConsumerTrouble['code'] | null;
  readonly trouble: string | null;
  readonly trouble_epoch: number | null;
  readonly trouble_position: number | null;
}

/** The ledger that the group reads: the one that was named first. */
export async function claimLedger(
  { database, tables, name }: Group,
  ledgerId: string | undefined,
): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ ledger_id: string | null }>({
    text: `insert into ${tables.groups} as g(name, ledger_id) values ($1, $2::uuid)
      on conflict (name) do update set ledger_id = coalesce(g.ledger_id, excluded.ledger_id)
      returning ledger_id`,
    values: [name, ledgerId ?? null],
  });
  return rows[0]?.ledger_id ?? undefined;
}

/** Partitions that the group has no position of. */
export async function missingPlaces(
  { database, tables, name }: Group,
  partitions: number,
): Promise<readonly number[]> {
  const { rows } = await database.pool.query<{ partition: number }>({
    text: `select partition from generate_series(0, $2::int - 1) wanted(partition)
      where not exists (select from ${tables.positions} p
        where p.group_name = $1 and p.partition = wanted.partition)`,
    values: [name, partitions],
  });
  return rows.map(({ partition }) => partition);
}

/** Writes the points of partitions that have none yet. */
export async function insertPlaces(
  { database, tables, name }: Group,
  points: ReadonlyMap<number, Point>,
): Promise<void> {
  await database.pool.query({
    text: `insert into ${tables.positions}(group_name, partition, epoch, position, resume_at)
      select $1, * from unnest($2::smallint[], $3::int[], $4::bigint[], $5::bigint[])
      on conflict do nothing`,
    values: [name, ...columnsOf(points)],
  });
}

/** Moves partitions to points by hand, in the caller's transaction. */
export async function movePlaces(
  client: ClientBase,
  { tables, name }: Group,
  points: ReadonlyMap<number, Point>,
): Promise<void> {
  await client.query({
    text: `update ${tables.positions} p set epoch = n.epoch, position = n.position,
        resume_at = n.resume_at, round = round + 1,
        trouble_code = null, trouble = null, trouble_epoch = null, trouble_position = null
      from unnest($2::smallint[], $3::int[], $4::bigint[], $5::bigint[])
        n(partition, epoch, position, resume_at)
      where p.group_name = $1 and p.partition = n.partition`,
    values: [name, ...columnsOf(points)],
  });
}

function columnsOf(points: ReadonlyMap<number, Point>): unknown[] {
  const all = [...points.values()];
  return [
    [...points.keys()],
    all.map(({ epoch }) => epoch),
    all.map(({ position }) => position),
    all.map(({ resumeAt }) => resumeAt),
  ];
}

/** All partitions of the group. With `lock`, whoever applies events waits until the transaction ends. */
export async function readPlaces(
  client: Queryable,
  { tables, name }: Group,
  { lock = false } = {},
): Promise<readonly StoredPlace[]> {
  const { rows } = await client.query<PlaceRow>({
    text: `select ${FIELDS} from ${tables.positions} where group_name = $1
      order by partition ${lock ? 'for update' : ''}`,
    values: [name],
  });
  return rows.map(toStored);
}

/** A partition's row, locked until the transaction ends. */
export async function lockPlace(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
): Promise<Place> {
  const { rows } = await client.query<PlaceRow>({
    text: `select ${FIELDS} from ${tables.positions} where group_name = $1 and partition = $2
      for update`,
    values: [name, partition],
  });
  if (rows[0] === undefined) throw new Error(`group ${name} has no partition ${partition}`);
  return toPlace(rows[0]);
}

/** Moves a locked partition behind what was applied. */
export async function advance(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
  to: Place,
): Promise<void> {
  await client.query({
    text: `update ${tables.positions} set epoch = $3, position = $4, resume_at = $5, parked = $6,
        applied_at = clock_timestamp(),
        trouble_code = null, trouble = null, trouble_epoch = null, trouble_position = null
      where group_name = $1 and partition = $2`,
    values: [name, partition, to.epoch, to.position, to.resumeAt, to.parked],
  });
}

/** Counts parked events of a locked partition again. */
export async function countParked(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
): Promise<void> {
  await client.query({
    text: `update ${tables.positions} set parked = (select count(*) from ${tables.parked}
        where group_name = $1 and partition = $2) where group_name = $1 and partition = $2`,
    values: [name, partition],
  });
}

/** What stands in the way, for who looks. */
export async function writeTrouble(
  { database, tables, name }: Group,
  partition: number,
  { round }: Place,
  { code, message, begins }: Halt,
): Promise<void> {
  await database.pool.query({
    text: `update ${tables.positions} set trouble_code = $4, trouble = $5, trouble_epoch = $6,
        trouble_position = $7 where group_name = $1 and partition = $2 and round = $3`,
    values: [
      name,
      partition,
      round,
      code,
      message,
      begins?.epoch ?? null,
      begins?.position ?? null,
    ],
  });
}

const FIELDS = `partition, epoch, position, resume_at, round, parked, trouble_code, trouble,
  trouble_epoch, trouble_position`;

function toPlace({ epoch, position, resume_at: resumeAt, round, parked }: PlaceRow): Place {
  return { epoch, position, resumeAt, round, parked };
}

function toStored(row: PlaceRow): StoredPlace {
  const { trouble_code: code, trouble: message, trouble_epoch: epoch } = row;
  return {
    ...toPlace(row),
    partition: row.partition,
    trouble: code === null ? null : { code, message: message ?? '' },
    begins: epoch === null ? undefined : { epoch, position: row.trouble_position! },
  };
}
