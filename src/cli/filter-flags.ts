import type { Command } from 'commander';
import type { JobFilter, StateName } from '../index.js';
import { badInput } from './parse.js';

/** States by their flags, in the order of the help. */
export const STATE_FLAGS = {
  available: 'waiting for a worker',
  scheduled: 'due later',
  running: 'being worked on',
  retrying: 'waiting for the next attempt',
  succeeded: 'done',
  failed: 'given up',
  canceled: 'canceled',
  discarded: 'discarded',
} as const satisfies { readonly [S in StateName]: string };

const STATES = Object.keys(STATE_FLAGS) as StateName[];

/** Flags that say which jobs are meant. */
export type FilterFlags = { readonly [S in StateName]?: boolean } & Omit<
  JobFilter,
  'state' | 'payload'
> & { readonly payloadField?: Fields };

type Fields = NonNullable<JobFilter['payload']>;

/** How flags are called where the library refuses an option. */
export const FILTER_FLAG_NAMES = {
  kind: '--kind',
  queue: '--queue',
  tenant: '--tenant',
  principal: '--principal',
  correlationId: '--correlation-id',
  errorCategory: '--error-category',
  fingerprint: '--fingerprint',
  errorText: '--error-text',
  enqueuedAfter: '--enqueued-after',
  enqueuedBefore: '--enqueued-before',
  finishedAfter: '--finished-after',
  finishedBefore: '--finished-before',
} as const satisfies { readonly [N in keyof Omit<JobFilter, 'state' | 'payload'>]-?: string };

/** Adds them, with flags for these states. */
export function addFilterFlags(command: Command, states: readonly StateName[] = STATES): Command {
  for (const state of states) command.option(`--${state}`, STATE_FLAGS[state]);
  return command
    .option('--kind <name>', 'only of this kind')
    .option('--queue <name>', 'only of this queue')
    .option('--tenant <name>', 'only for this tenant')
    .option('--principal <name>', "only in this one's name")
    .option('--correlation-id <id>', 'only what belongs to this')
    .option('--error-category <category>', 'of the latest error: network, not-found …')
    .option('--fingerprint <text>', 'of the latest error')
    .option('--error-text <text>', "part of the latest error's message")
    .option('--payload-field <path=value>', 'in the payload; may be repeated', field)
    .option('--enqueued-after <time>', 'from then on: ISO 8601, or so long ago: 10m', time)
    .option('--enqueued-before <time>', 'before then', time)
    .option('--finished-after <time>', 'ended, from then on', time)
    .option('--finished-before <time>', 'ended, before then', time);
}

/** The filter that the flags say; undefined if they say none. */
export function filterOf(flags: FilterFlags): JobFilter | undefined {
  const states = STATES.filter((state) => flags[state] === true);
  const names = Object.keys(FILTER_FLAG_NAMES) as (keyof typeof FILTER_FLAG_NAMES)[];
  const said = names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]]));
  const filter: JobFilter = {
    ...(states.length > 0 && { state: states.length === 1 ? states[0]! : states }),
    ...(flags.payloadField !== undefined && { payload: flags.payloadField }),
    ...(Object.fromEntries(said) as JobFilter),
  };
  return Object.keys(filter).length === 0 ? undefined : filter;
}

/** `customer.id=c-1`; the value is JSON, and what is none is text. */
function field(text: string, before: Fields = {}): Fields {
  const at = text.indexOf('=');
  if (at < 1)
    throw badInput(
      `--payload-field: expected <path=value>, like customer.id=c-1, got ${JSON.stringify(text)}`,
    );
  return { ...before, [text.slice(0, at)]: scalar(text.slice(at + 1)) };
}

function scalar(text: string): Fields[string] {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? text : (value as Fields[string]);
  } catch {
    return text;
  }
}

const AGO = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time as the library takes it: so long ago by this machine's clock, or text for it to judge. */
function time(text: string): Date | string {
  const [, amount, unit] = AGO.exec(text.trim()) ?? [];
  if (amount === undefined) return text;
  return new Date(Date.now() - Number(amount) * UNITS[unit as keyof typeof UNITS]);
}
