import type { Findings } from './findings.js';
import { rowsOf, timeText, type Ask, type Row } from './rows.js';
import type { Streams } from './streams.js';

/** Keys that are held, against the jobs of the partition. Gives how many were looked at. */
export async function checkHeldKeys(
  ask: Ask,
  { schema, partitions }: { readonly schema: string; readonly partitions: number },
  partition: number,
  streams: Streams,
  findings: Findings,
): Promise<number> {
  const held = new Map<string, string>();
  const text = `select job_id::text, tenant, kind, key, scope,
      exists (select from ${schema}.inbox i where i.job_id = k.job_id)::text as in_inbox
    from ${schema}.unique_keys k where get_byte(uuid_send(job_id), 15) % ${partitions} = ${partition}`;
  let keys = 0;
  for await (const row of rowsOf(ask, text)) {
    keys += 1;
    const id = row['job_id']!;
    held.set(id, nameOf(row));
    const problem = streams.isDamaged(id) ? undefined : whyStray(row, streams);
    if (problem !== undefined) {
      findings.add('key-stray', { partition, position: null, stream: id }, problem);
    }
  }
  for (const job of streams.live()) {
    if (job.unique?.scope !== 'active' || job.state === 'failed') continue;
    const name = nameOf({ ...job, key: job.unique.key });
    if (held.get(job.id) === name) continue;
    const text = `key ${name} is not held by the job, which is ${job.state}`;
    findings.add('key-missing', { ...job, stream: job.id }, text);
  }
  return keys;
}

function whyStray(row: Row, streams: Streams): string | undefined {
  const id = row['job_id']!;
  const job = streams.get(id);
  const end = job?.state === 'failed' ? job.state : streams.endOf(id);
  const name = nameOf(row);
  if (end !== undefined) {
    // Keys held for good or for a time outlive their job.
    return row['scope'] === 'active' ? `key ${name} is held, but the job is ${end}` : undefined;
  }
  if (job === undefined) {
    return row['in_inbox'] === 'true' ? undefined : `key ${name} is held by no job of the log`;
  }
  if (job.unique === undefined) return `key ${name} is held by a job without a key`;
  const own = nameOf({ ...job, key: job.unique.key });
  return own === name ? undefined : `key ${name} is held, but the job's is ${own}`;
}

/**
 * No job gets a key while another has it: until that one has ended (`active`), or ever (`forever`).
 * Keys that are held for a time are left out, since a job of the inbox is recorded later than it
 * took its key. Across partitions times are compared, which are one database's. Gives the number of
 * keyed jobs.
 */
export async function checkSharedKeys(
  ask: Ask,
  schema: string,
  findings: Findings,
): Promise<number> {
  const keyed = `select partition, stream_id, kind, coalesce(meta->>'tenant', '') as tenant,
      data->'unique'->>'key' as key, data->'unique'->>'scope' as scope
    from ${schema}.events where version = 1 and type = 'JobEnqueued' and data ? 'unique'`;
  const text = `select k.tenant, k.kind, k.key, k.scope, e.stream_id::text as job_id, e.type::text,
      e.partition::text, e.position::text, ${timeText('e.recorded_at')} as at
    from (${keyed}) k
    join ${schema}.events e on e.partition = k.partition and e.stream_id = k.stream_id
    where e.type in ('JobEnqueued', 'JobRetried', 'AttemptSucceeded', 'JobCanceled', 'JobDiscarded')
      or (e.type in ('AttemptFailed', 'AttemptLost') and e.data->'decision'->>'action' = 'fail')
    order by k.tenant, k.kind, k.key, e.recorded_at, e.partition, e.position`;
  let jobs = 0;
  let name: string | undefined;
  let holders = new Map<string, string>();
  let suspects: Suspect[] = [];
  const settle = () => suspects.forEach((one) => findings.add('key-shared', one, one.text));
  for await (const row of rowsOf(ask, text)) {
    if (name !== nameOf(row)) {
      settle();
      [name, holders, suspects] = [nameOf(row), new Map(), []];
    }
    const id = row['job_id']!;
    const begins = row['type'] === 'JobEnqueued' || row['type'] === 'JobRetried';
    if (row['type'] === 'JobEnqueued') jobs += 1;
    if (begins && row['scope'] !== null) {
      suspects.push(...[...holders.keys()].filter((one) => one !== id).map(suspect(row, name)));
      if (row['scope'] === 'active' || row['scope'] === 'forever') holders.set(id, row['scope']);
    } else if (holders.get(id) === 'active') {
      holders.delete(id);
      // Two events of one instant in two partitions have no order between them.
      suspects = suspects.filter((one) => one.holder !== id || one.at !== row['at']);
    }
  }
  settle();
  return jobs;
}

interface Suspect {
  readonly partition: number;
  readonly position: number;
  readonly stream: string;
  readonly holder: string;
  readonly at: string;
  readonly text: string;
}

function suspect(row: Row, name: string): (holder: string) => Suspect {
  return (holder) => ({
    ...{ partition: Number(row['partition']), position: Number(row['position']) },
    ...{ stream: row['job_id']!, holder, at: row['at']! },
    text: `has key ${name} while job ${holder} has it`,
  });
}

function nameOf(of: { readonly [name: string]: unknown }): string {
  return JSON.stringify([of['tenant'], of['kind'], of['key']]);
}
