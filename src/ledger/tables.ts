import { LedgerError } from '../errors.js';

/** The ledger's tables, quoted and qualified, ready to stand in a statement. */
export interface Tables {
  readonly schema: string;
  /** The parent of all partitions: for reads across partitions only. */
  readonly events: string;
  /** One partition's own table: what every hot statement names. */
  eventsOf(partition: number): string;
  readonly eventType: string;
  readonly ledger: string;
  readonly ready: string;
  readonly readySeq: string;
  readonly scheduled: string;
  readonly leases: string;
  readonly uniqueKeys: string;
  readonly workers: string;
  readonly leaders: string;
  readonly inbox: string;
  readonly tallies: string;
}

/** Names for a schema of any spelling, quotes and emoji included. */
export function tablesOf(schema: string): Tables {
  if (
    typeof schema !== 'string' ||
    schema === '' ||
    Buffer.byteLength(schema) > 63 ||
    schema.includes('\0')
  ) {
    throw new LedgerError('BAD_CONFIG', 'schema: expected a name of 1 to 63 bytes');
  }
  if (/^pg_/i.test(schema)) {
    throw new LedgerError('BAD_CONFIG', 'schema: names that begin with pg_ belong to Postgres');
  }
  const qualified = (name: string) => `${quote(schema)}.${quote(name)}`;
  return {
    schema,
    events: qualified('events'),
    eventsOf: (partition) => qualified(`events_${partition}`),
    eventType: qualified('event_type'),
    ledger: qualified('ledger'),
    ready: qualified('ready'),
    readySeq: qualified('ready_seq'),
    scheduled: qualified('scheduled'),
    leases: qualified('leases'),
    uniqueKeys: qualified('unique_keys'),
    workers: qualified('workers'),
    leaders: qualified('leaders'),
    inbox: qualified('inbox'),
    tallies: qualified('tallies'),
  };
}

/** A Postgres identifier, quoted. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
