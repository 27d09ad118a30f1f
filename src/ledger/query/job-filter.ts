import { createHash } from 'node:crypto';
import type { JobFilter } from '../../api-filter.js';
import { ERROR_CATEGORIES } from '../../job/error-record.js';
import { toInstant } from '../../job/instant.js';
import { shown } from '../../job/limits.js';
import { nameProblem } from '../../job/names.js';
import { STATES, type StateName } from '../../job/state.js';

/** A filter whose every part has been checked; what is undefined says nothing. */
export interface Filter {
  readonly states: readonly StateName[] | undefined;
  readonly names: { readonly [N in (typeof NAMES)[number]]?: string };
  readonly errorText: string | undefined;
  readonly payload: readonly { readonly path: readonly string[]; readonly value: Scalar }[];
  /** UTC, ISO 8601 text with microseconds. */
  readonly times: { readonly [N in (typeof TIMES)[number]]?: string };
}

export type Scalar = string | number | boolean | null;

const NAMES = [
  ...(['kind', 'queue', 'tenant', 'principal', 'correlationId'] as const),
  ...(['errorCategory', 'fingerprint'] as const),
] as const;
const TIMES = ['enqueuedAfter', 'enqueuedBefore', 'finishedAfter', 'finishedBefore'] as const;

/** Every option of a filter, for those who refuse all others. */
export const FILTER_OPTIONS = {
  state: true,
  kind: true,
  queue: true,
  tenant: true,
  principal: true,
  correlationId: true,
  errorCategory: true,
  fingerprint: true,
  errorText: true,
  payload: true,
  enqueuedAfter: true,
  enqueuedBefore: true,
  finishedAfter: true,
  finishedBefore: true,
} as const satisfies { readonly [K in keyof JobFilter]-?: true };

/** The filter, and one line for each thing that is wrong with it. */
export function checkFilter(given: JobFilter): { filter: Filter; problems: readonly string[] } {
  const problems: (string | undefined)[] = [];
  const states = statesOf(given.state, problems);
  const names: Record<string, string> = {};
  for (const name of NAMES) {
    const value = given[name];
    if (value === undefined) continue;
    problems.push(name === 'errorCategory' ? categoryProblem(value) : nameProblem(name, value));
    names[name] = value;
  }
  const times: Record<string, string> = {};
  for (const name of TIMES) {
    if (given[name] === undefined) continue;
    const answer = toInstant(name, given[name]);
    if ('instant' in answer) times[name] = answer.instant;
    else problems.push(answer.problem);
  }
  if (given.errorText !== undefined) problems.push(textProblem('errorText', given.errorText));
  const payload = payloadOf(given.payload, problems);
  return {
    filter: { states, names, errorText: given.errorText, payload, times },
    problems: problems.filter((problem) => problem !== undefined),
  };
}

/** One line for each thing that cannot be asked of an earlier time. */
export function pastProblems({ errorText, payload, times }: Filter): string[] {
  const said = [
    ...Object.keys(times),
    ...(errorText === undefined ? [] : ['errorText']),
    ...(payload.length === 0 ? [] : ['payload']),
  ];
  return said.map((name) => `${name}: cannot be asked for together with asOf`);
}

/** True if the ledger's own tables can tell: no read model is needed. */
export function isPlain({ names, errorText, payload, times }: Filter): boolean {
  const { kind: _, queue: __, ...others } = names;
  const said = [...Object.keys(others), ...payload, ...Object.keys(times)];
  return said.length === 0 && errorText === undefined;
}

/**
 * The same for the same filter. What the times are is left out: "the last hour" is another one at each
 * page, and a page is right within whatever times it is asked for.
 */
export function digestOf(filter: Filter, action = 'list'): string {
  const { states, names, errorText, payload, times } = filter;
  const said = [action, [...(states ?? [])].sort(), names, errorText, payload, Object.keys(times)];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 16);
}

function statesOf(
  given: JobFilter['state'],
  problems: (string | undefined)[],
): readonly StateName[] | undefined {
  if (given === undefined) return undefined;
  const states = [given].flat() as readonly StateName[];
  if (states.length === 0 || !states.every((state) => STATES.includes(state)))
    problems.push(`state: expected one of ${STATES.join(', ')}, or a list of them`);
  return [...new Set(states)];
}

function categoryProblem(value: unknown): string | undefined {
  if ((ERROR_CATEGORIES as readonly unknown[]).includes(value)) return undefined;
  return `errorCategory: expected one of ${ERROR_CATEGORIES.join(', ')}, got ${shown(value)}`;
}

const MAX_TEXT_BYTES = 1_024;

/** What jsonb and text columns cannot hold, they hold nowhere. */
function textProblem(field: string, value: unknown, least = 1): string | undefined {
  const bytes = typeof value === 'string' ? Buffer.byteLength(value) : -1;
  const isText = bytes >= least && bytes <= MAX_TEXT_BYTES && !/[\0\p{Cs}]/u.test(value as string);
  if (isText) return undefined;
  return `${field}: expected text of ${least} to ${MAX_TEXT_BYTES} bytes, got ${bytes > MAX_TEXT_BYTES ? `${bytes} bytes` : shown(value)}`;
}

function payloadOf(given: JobFilter['payload'], problems: (string | undefined)[]) {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    problems.push(`payload: expected an object of paths and values, got ${shown(given)}`);
    return [];
  }
  const fields = Object.entries(given).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [path, value] of fields)
    problems.push(textProblem('payload', path), valueProblem(`payload ${shown(path)}`, value));
  return fields.map(([path, value]) => ({ path: path.split('.'), value }));
}

function valueProblem(field: string, value: unknown): string | undefined {
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return undefined;
  if (typeof value === 'string') return textProblem(field, value, 0);
  return `${field}: expected text, a number, true, false or null, got ${shown(value)}`;
}
