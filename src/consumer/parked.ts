import type { ClientBase } from 'pg';
import type { ParkedEvent, ParkedFilter } from '../api-consumer.js';
import type { EventText } from '../kafka/record.js';
import { iso } from '../ledger/store.js';
import type { Group } from './group.js';

/** An event on its way to be set aside. */
export interface Parking {
  readonly event: EventText;
  /** Null for one that stands behind such an event of its job. */
  readonly error: string | null;
  readonly attempts: number;
}

/** A parked event with all that is needed to run it. */
export interface StoredParking extends Parking {
  readonly partition: number;
  readonly position: number;
}

/** Sets events of a locked partition aside. */
export async function insertParked(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
  parkings: readonly Parking[],
): Promise<void> {
  const texts = (of: (event: EventText) => unknown) => parkings.map(({ event }) => of(event));
  await client.query({
    text: `insert into ${tables.parked}
        (group_name, partition, position, job_id, kind, type, event, error, attempts)
      select $1, $2, * from unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::int[])`,
    values: [
      name,
      partition,
      texts(({ position }) => position),
      texts(({ streamId }) => streamId),
      texts(({ kind }) => kind),
      texts(({ type }) => type),
      texts((event) => JSON.stringify(event)),
      parkings.map(({ error }) => error),
      parkings.map(({ attempts }) => attempts),
    ],
  });
}

/** Which of these jobs have parked events in a locked partition. */
export async function jobsParked(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
  jobIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ job_id: string }>({
    text: `select distinct job_id from ${tables.parked}
      where group_name = $1 and partition = $2 and job_id = any($3::text[])`,
    values: [name, partition, jobIds],
  });
  return new Set(rows.map(({ job_id: jobId }) => jobId));
}

/** The first parked event of a job of a locked partition. */
export async function firstParked(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
  jobId: string,
): Promise<StoredParking | undefined> {
  const { rows } = await client.query<{ event: string; error: string | null; attempts: number }>({
    text: `select event, error, attempts from ${tables.parked}
      where group_name = $1 and partition = $2 and job_id = $3 order by position limit 1`,
    values: [name, partition, jobId],
  });
  if (rows[0] === undefined) return undefined;
  const event = JSON.parse(rows[0].event) as EventText;
  return { ...rows[0], event, partition, position: event.position };
}

/** Forgets a parked event whose effect is done. */
export async function deleteParked(
  client: ClientBase,
  { tables, name }: Group,
  { partition, position }: StoredParking,
): Promise<void> {
  await client.query({
    text: `delete from ${tables.parked}
      where group_name = $1 and partition = $2 and position = $3`,
    values: [name, partition, position],
  });
}

/** Forgets what is parked behind a position: it is read again. */
export async function deleteParkedBehind(
  client: ClientBase,
  { tables, name }: Group,
  partition: number,
  position: number,
): Promise<void> {
  await client.query({
    text: `delete from ${tables.parked}
      where group_name = $1 and partition = $2 and position > $3`,
    values: [name, partition, position],
  });
}

/** Notes that a parked event has failed again. */
export async function updateParked(
  { database, tables, name }: Group,
  { partition, position, error, attempts }: StoredParking,
): Promise<void> {
  await database.pool.query({
    text: `update ${tables.parked} set error = $4, attempts = $5
      where group_name = $1 and partition = $2 and position = $3`,
    values: [name, partition, position, error, attempts],
  });
}

/** Jobs that have parked events, with their partitions. */
export async function parkedJobs(
  { database, tables, name }: Group,
  { jobId, partition }: ParkedFilter,
): Promise<readonly { readonly partition: number; readonly jobId: string }[]> {
  const { rows } = await database.pool.query<{ partition: number; jobId: string }>({
    text: `select distinct partition, job_id as "jobId" from ${tables.parked}
      where group_name = $1 and ($2::text is null or job_id = $2)
        and ($3::int is null or partition = $3) order by 1, 2`,
    values: [name, jobId ?? null, partition ?? null],
  });
  return rows;
}

/** Parked events in order, for who looks. */
export async function listParked(
  { database, tables, name }: Group,
  { jobId, partition }: ParkedFilter,
): Promise<readonly ParkedEvent[]> {
  const { rows } = await database.pool.query<ParkedEvent>({
    text: `select partition, position, job_id as "jobId", kind, type, error, attempts,
        ${iso('parked_at')} as "parkedAt" from ${tables.parked}
      where group_name = $1 and ($2::text is null or job_id = $2)
        and ($3::int is null or partition = $3) order by partition, position limit 1000`,
    values: [name, jobId ?? null, partition ?? null],
  });
  return rows;
}
