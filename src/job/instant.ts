/** A point in time as events keep it: UTC, ISO 8601, microseconds (`2026-01-31T08:00:00.000000Z`). */
export type InstantAnswer = { readonly instant: string } | { readonly problem: string };

/** Reads a Date or an ISO 8601 text with a zone; anything else is a problem that names the field. */
export function toInstant(field: string, value: unknown): InstantAnswer {
  const instant = value instanceof Date ? fromDate(value) : fromText(value);
  if (instant !== undefined) return { instant };
  const given = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : nameOf(value);
  return {
    problem: `${field}: expected a valid Date or ISO 8601 text with a zone in the years 1 to 9999, got ${given}`,
  };
}

/** Negative if `a` is before `b`, positive if after, 0 if they are the same microsecond. */
export function compareInstants(a: string, b: string): number {
  const [left, right] = a.length === b.length ? [a, b] : [padded(a), padded(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const ISO =
  /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2})?(?:[.,](\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;

function fromDate(date: Date): string | undefined {
  return Number.isNaN(date.getTime()) ? undefined : withinYears(date.getTime(), '');
}

function fromText(value: unknown): string | undefined {
  const match = typeof value === 'string' ? ISO.exec(value) : null;
  if (match === null) return undefined;
  const [, minutes = '', seconds = ':00', fraction = '', zone = 'Z'] = match;
  const local = Date.parse(`${minutes}${seconds}Z`);
  // Date.parse rolls 30 February over to March: what comes back must be what was given.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(minutes + seconds)) return;
  return withinYears(local - offsetMs(zone), fraction);
}

/** Digits of the fraction pass by `Date`, which holds only three of them. */
function withinYears(wholeMs: number, fraction: string): string | undefined {
  const text = new Date(wholeMs).toISOString();
  if (!/^\d{4}-/.test(text) || text.startsWith('0000')) return undefined;
  if (fraction === '') return `${text.slice(0, 23)}000Z`;
  return `${text.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
}

function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** `.5Z` and `.500000Z` are one instant, but not one text. */
function padded(instant: string): string {
  const answer = fromText(instant);
  return answer ?? instant;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return value instanceof Date ? 'an invalid Date' : `a ${typeof value}`;
}
