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
  /** The view of the read model `jobs`, if a projector has made it. */
  readonly jobs: string;
  /** The view of the read model `job-states`, likewise. */
  readonly jobStates: string;
  /** The builds of read models. */
  readonly projections: string;
  /** How far each build has come in each partition. */
  readonly checkpoints: string;
  /** Jobs that a build leaves out, from the event on that failed. */
  readonly parked: string;
  /** Processes that publish. */
  readonly relays: string;
  /** How far each partition is published, by topic, and by whom. */
  readonly publications: string;
  /** Where each epoch but the first begins. */
  readonly epochs: string;
}

/** Names for a schema of any spelling, quotes and emoji included. */
export function tablesOf(schema: string): Tables {
  const problem = schemaProblem(schema);
  if (problem !== undefined) throw new LedgerError('BAD_CONFIG', problem);
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
    jobs: qualified('jobs'),
    jobStates: qualified('job_states'),
    projections: qualified('projections'),
    checkpoints: qualified('checkpoints'),
    parked: qualified('parked'),
    relays: qualified('relays'),
    publications: qualified('publications'),
    epochs: qualified('epochs'),
  };
}

/** A Postgres identifier, quoted. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** One line if this cannot be the name of a schema of ours. */
export function schemaProblem(schema: unknown): string | undefined {
  const isName =
    typeof schema === 'string' &&
    schema !== '' &&
    Buffer.byteLength(schema) <= 63 &&
    !/[\0\p{Cs}]/u.test(schema);
  if (!isName) return 'schema: expected a name of 1 to 63 bytes';
  return /^pg_/i.test(schema) ? 'schema: names that begin with pg_ belong to Postgres' : undefined;
}
