import type { PublicationStatus, PublishedPartition } from '../api-kafka.js';
import { snapshot } from '../database.js';
import { groupBy } from '../group-by.js';
import { readAllHeads, readLagSeconds, type Query } from '../ledger/lag.js';
import { iso, type Store } from '../ledger/store.js';

/** How far the ledger is published, by topic, on one snapshot. */
export async function readPublications(store: Store): Promise<PublicationStatus[]> {
  return snapshot(store.database, async (query) => {
    const byTopic = groupBy(await readPartitions(store, query), ({ topic }) => topic);
    const heads = await readAllHeads(store, query);
    const relays = await countRelays(store, query);
    const statuses: PublicationStatus[] = [];
    for (const [topic, rows] of byTopic) {
      const partitions = rows.map(({ one }) => ({ ...one, head: heads[one.partition] ?? 0 }));
      const events = sum(partitions.map(({ position }) => position));
      const lagSeconds = await readLagSeconds(store, query, positionsOf(partitions, heads));
      const of = sum(heads);
      const counts = { events, of, lagEvents: of - events, lagSeconds };
      statuses.push({ topic, ...counts, relays: relays.get(topic) ?? 0, partitions });
    }
    return statuses;
  });
}

function positionsOf(partitions: readonly PublishedPartition[], heads: readonly number[]) {
  const positions = heads.map(() => 0);
  for (const { partition, position } of partitions) positions[partition] = position;
  return positions;
}

interface Row {
  readonly topic: string;
  readonly one: Omit<PublishedPartition, 'head'>;
}

async function readPartitions(store: Store, query: Query): Promise<readonly Row[]> {
  const { publications, relays } = store.tables;
  const { rows } = await query(
    `select p.scope as topic, json_build_object('partition', partition, 'position', position,
        'relay', case when lease_until > clock_timestamp() then host || '/' || pid end,
        'takeovers', takeovers, 'publishedAt', ${iso('published_at')}, 'trouble', trouble) as one
      from ${publications} p left join ${relays} r on r.id = p.owner
      order by p.scope, partition`,
  );
  return rows as Row[];
}

async function countRelays(store: Store, query: Query): Promise<ReadonlyMap<string, number>> {
  const { rows } = await query(
    `select scope, count(*)::int as count from ${store.tables.relays}
      where seen_at > clock_timestamp() - interval '15 s' group by scope`,
  );
  return new Map((rows as { scope: string; count: number }[]).map((row) => [row.scope, row.count]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
