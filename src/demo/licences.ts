import { column, defineProjection, nullable, type RecordedEvent } from '../index.js';
import { packageAudit, type PackageAudit } from './audit-job.js';

/** The read model's name; its view is `demo_licences`. */
export const LICENCES = 'demo-licences';

const columns = {
  licence: column.text,
  audits: column.bigint,
  files: column.bigint,
  bytes: column.bigint,
};

/**
 * One row per licence, of all audits in the ledger. Jobs of all partitions share a row, so these folds
 * give the same in whichever order events come: they add, or keep the largest.
 */
export const licences = defineProjection({
  name: LICENCES,
  version: 1,
  columns,
  key: ['licence'],
  rows: rowOf,
  on: { AttemptSucceeded: (row, event, _job, key) => ({ ...key, ...sums(row, event) }) },
});

/** The same with the largest file of each licence, which the events have had all along. */
export const licencesWithFile = defineProjection({
  name: LICENCES,
  version: 2,
  columns: {
    ...columns,
    largest_file: nullable(column.text),
    largest_bytes: nullable(column.bigint),
  },
  key: ['licence'],
  rows: rowOf,
  on: {
    AttemptSucceeded: (row, event, _job, key) => ({
      ...key,
      ...sums(row, event),
      ...larger(row ?? NO_FILE, fileOf(event)),
    }),
  },
});

interface Sums {
  readonly audits: number;
  readonly files: number;
  readonly bytes: number;
}

interface LargestFile {
  readonly largest_file: string | null;
  readonly largest_bytes: number | null;
}

const NO_FILE: LargestFile = { largest_file: null, largest_bytes: null };
/** Far below what Postgres can keep in an index. */
const LONGEST_LICENCE = 200;

/** The row that an event concerns: none if it ends no audit. */
function rowOf(event: RecordedEvent): { readonly licence: string } | undefined {
  const licence = licenceOf(event);
  return licence === undefined ? undefined : { licence };
}

/** The licence that an audit found; undefined if the event ends no audit. */
export function licenceOf(event: RecordedEvent): string | undefined {
  const audit = auditIn(event);
  if (audit === undefined) return undefined;
  return Array.from(audit.licence ?? 'none named')
    .slice(0, LONGEST_LICENCE)
    .join('');
}

function sums(row: Sums | undefined, event: RecordedEvent): Sums {
  const audit = auditIn(event);
  return {
    audits: (row?.audits ?? 0) + 1,
    files: (row?.files ?? 0) + (audit?.files ?? 0),
    bytes: (row?.bytes ?? 0) + (audit?.bytes ?? 0),
  };
}

/** Of two files as large as each other the one whose name comes first, whichever was seen first. */
function larger(one: LargestFile, other: LargestFile): LargestFile {
  const { largest_file, largest_bytes } = one;
  const more = (other.largest_bytes ?? -1) - (largest_bytes ?? -1);
  const isFirst = (other.largest_file ?? '') < (largest_file ?? '');
  return more > 0 || (more === 0 && isFirst) ? other : { largest_file, largest_bytes };
}

function fileOf(event: RecordedEvent): LargestFile {
  const { largestFile, largestBytes } = auditIn(event) ?? {};
  return typeof largestFile === 'string' && typeof largestBytes === 'number'
    ? { largest_file: largestFile, largest_bytes: largestBytes }
    : NO_FILE;
}

/** What an audit found. Audits of an earlier release have no largest file in their events. */
function auditIn(event: RecordedEvent): AuditOfAnyRelease | undefined {
  if (event.type !== 'AttemptSucceeded' || event.kind !== packageAudit.kind) return undefined;
  const found = Object(event.data.result ?? null) as Partial<PackageAudit>;
  const { files, bytes, licence } = found;
  if (typeof files !== 'number' || typeof bytes !== 'number') return undefined;
  return { ...found, files, bytes, licence: typeof licence === 'string' ? licence : null };
}

type AuditOfAnyRelease = Partial<PackageAudit> & Pick<PackageAudit, 'files' | 'bytes' | 'licence'>;
