import type { Columns, Projection, ProjectionSpec, Row } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import { EVENT_TYPES } from '../job/events.js';

/**
 * Defines a read model. Throws `BAD_CONFIG` for a name, version or column that cannot be, all faults
 * at once.
 *
 * @example
 * export const finished = defineProjection({
 *   name: 'finished-by-kind',
 *   version: 1,
 *   columns: { kind: column.text, jobs: column.bigint },
 *   key: ['kind'],
 *   rows: ({ kind }) => ({ kind }),
 *   on: { AttemptSucceeded: (row, { kind }) => ({ kind, jobs: (row?.jobs ?? 0) + 1 }) },
 * });
 */
export function defineProjection<const C extends Columns, const K extends keyof C & string>(
  spec: ProjectionSpec<C, K>,
): Projection {
  const problems = problemsOf(spec as unknown as ProjectionSpec<Columns, string>);
  if (problems.length > 0) throw new LedgerError('BAD_CONFIG', problems.join('; '));
  const on = spec.on as Projection['fold'] | Readonly<Record<string, Projection['fold']>>;
  const handlerOf = (type: string) => (typeof on === 'function' ? on : on[type]);
  const { job } = spec;
  const rows = spec.rows ?? (({ streamId }) => ({ [job!]: streamId }) as never);
  return {
    name: spec.name,
    version: spec.version,
    columns: spec.columns,
    key: spec.key,
    job,
    indexes: spec.indexes ?? [],
    view: (spec.view ?? {}) as Readonly<Record<string, string>>,
    hears: (type) => handlerOf(type) !== undefined,
    rowsOf: (event, soFar) => listOf(rows(event, soFar)),
    fold: (row, event, soFar, key) => handlerOf(event.type)!(row, event, soFar, key),
  };
}

const NONE: readonly Row[] = [];

/** Asked for every event by every projection: a plain answer must cost next to nothing. */
function listOf(rows: Row | readonly Row[] | undefined): readonly Row[] {
  if (rows === undefined) return NONE;
  return Array.isArray(rows) ? (rows as readonly Row[]) : [rows as Row];
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const COLUMN = /^[a-z][a-z0-9_]*$/;

function problemsOf(spec: ProjectionSpec<Columns, string>): string[] {
  const { name, version, columns, key, on, indexes = [], view = {} } = spec;
  const known = new Set(Object.keys(columns));
  const types: ReadonlySet<string> = new Set(EVENT_TYPES);
  const problem = (fault: boolean, text: string) => (fault ? [`projection ${name}: ${text}`] : []);
  const unknown = (field: string, names: readonly string[]) =>
    names.flatMap((one) => problem(!known.has(one), `${field}: there is no column ${one}`));
  return [
    ...problem(
      !NAME.test(name) || name.length > 40,
      'name: expected up to 40 characters like failed-jobs',
    ),
    // Tables of builds have names like jobs_v1, those of partitions like events_0.
    ...problem(
      /-(v|b|i)\d+$|^events-\d+$/.test(name),
      'name: expected no ending like that of a table (-v1)',
    ),
    ...problem(RESERVED.has(viewName(name)), 'name: a table of the ledger has it'),
    ...problem(
      !Number.isInteger(version) || version < 1 || version > 2 ** 31 - 1,
      'version: expected a whole number from 1 to 2,147,483,647',
    ),
    ...problem(key.length === 0, 'key: expected at least one column'),
    ...[...known].flatMap((one) =>
      problem(!COLUMN.test(one), `column ${one}: expected a name like run_ms`),
    ),
    ...unknown('key', key),
    ...key.flatMap((one) =>
      problem(columns[one]?.nullable === true, `key: column ${one} may be null`),
    ),
    ...jobProblems(spec).flatMap((text) => problem(true, text)),
    ...Object.keys(on).flatMap((one) => problem(!types.has(one), `on: there is no event ${one}`)),
    ...unknown('indexes', indexes.flat()),
    ...unknown('view', Object.keys(view)),
  ];
}

function jobProblems({ columns, key, job, rows }: ProjectionSpec<Columns, string>): string[] {
  if (job === undefined)
    return rows === undefined ? ['rows: expected a function, since there is no job'] : [];
  if (!key.includes(job) || columns[job]?.type !== 'uuid')
    return ['job: expected a column of the key, of type uuid'];
  return rows === undefined && key.length > 1
    ? ['rows: expected a function, since the key has more than the job']
    : [];
}

/** The name of the view that readers use. */
export function viewName(name: string): string {
  return name.replaceAll('-', '_');
}

const RESERVED: ReadonlySet<string> = new Set([
  ...['events', 'ledger', 'ready', 'scheduled', 'leases', 'unique_keys', 'workers', 'leaders'],
  ...['inbox', 'tallies', 'projections', 'checkpoints', 'parked'],
]);
