import type { BulkAction, BulkOptions } from '../../api-bulk.js';
import type { OperatorCommand } from '../../job/commands.js';
import { integerProblem, MAX_ATTEMPTS, shown } from '../../job/limits.js';
import { nameProblem } from '../../job/names.js';
import { functionProblem, unknownOptions } from '../../job/option-problems.js';
import type { StateName } from '../../job/state.js';
import { bad, refuse } from '../check.js';
import { readCursor, type Place } from './cursor.js';
import { checkFilter, digestOf, FILTER_OPTIONS, type Filter } from './job-filter.js';

const DEFAULT_BATCH = 500;
const MAX_BATCH = 1_000;

/** The states in which each action is legal: in any other, every job would refuse. */
const LEGAL = {
  retry: ['failed'],
  discard: ['scheduled', 'available', 'retrying', 'failed'],
  cancel: ['scheduled', 'available', 'running', 'retrying'],
} as const satisfies { readonly [A in BulkAction]: readonly StateName[] };

/** What is to be done to which jobs, checked. */
export interface BulkPlan {
  /** With states always: those that were named, or else all that are legal. */
  readonly filter: Filter & { readonly states: readonly StateName[] };
  readonly digest: string;
  readonly command: OperatorCommand;
  readonly batch: number;
  readonly after: Place | undefined;
}

/** The plan that the options describe. Throws BAD_INPUT with every fault in one line. */
export function planOf(options: BulkOptions): BulkPlan {
  const { action, actor, reason, extraAttempts, batch = DEFAULT_BATCH, cursor } = options;
  const { filter, digest, problems } = checkAim(options);
  const after = cursor === undefined ? undefined : readCursor(digest, cursor);
  refuse([
    ...unknownOptions(options, OPTIONS, 'bulk'),
    ...problems,
    nameProblem('actor', actor),
    nameProblem('reason', reason),
    extraAttempts === undefined ? undefined : attemptsProblem(action, extraAttempts),
    integerProblem('batch', batch, 1, MAX_BATCH),
    after !== undefined && 'problem' in after ? after.problem : undefined,
    functionProblem('onProgress', options.onProgress),
  ]);
  const command = commandOf(options);
  return { filter, digest, command, batch, after: after as Place | undefined };
}

/** The filter of a dry run, checked in the same way. */
export function aimOf(options: Pick<BulkOptions, 'action' | 'filter'>): BulkPlan['filter'] {
  const { filter, problems } = checkAim(options);
  refuse([...unknownOptions(options, AIM_OPTIONS, 'previewBulk'), ...problems]);
  return filter;
}

const AIM_OPTIONS = { action: true, filter: true } as const;
const OPTIONS = {
  ...AIM_OPTIONS,
  actor: true,
  reason: true,
  extraAttempts: true,
  batch: true,
  cursor: true,
  signal: true,
  onProgress: true,
} as const satisfies { readonly [K in keyof BulkOptions]-?: true };

function checkAim({ action, filter: given }: Pick<BulkOptions, 'action' | 'filter'>) {
  if (!Object.hasOwn(LEGAL, action))
    throw bad(`action: expected retry, discard or cancel, got ${shown(action)}`);
  // Left out by mistake it would mean every job.
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw bad(`filter: expected an object, {} for every job, got ${shown(given)}`);
  const { filter, problems } = checkFilter(given);
  const legal: readonly StateName[] = LEGAL[action];
  const isLegal = filter.states?.every((state) => legal.includes(state)) ?? true;
  const aim = { ...filter, states: filter.states ?? legal };
  return {
    filter: aim,
    digest: digestOf(aim, action),
    problems: [
      ...unknownOptions(given, FILTER_OPTIONS, 'filter'),
      ...problems,
      isLegal ? undefined : `state: ${action} takes jobs that are ${legal.join(', ')}`,
    ],
  };
}

function attemptsProblem(action: BulkAction, value: number): string | undefined {
  if (action !== 'retry') return 'extraAttempts: expected with retry only';
  return integerProblem('extraAttempts', value, 1, MAX_ATTEMPTS);
}

function commandOf({ action, actor, reason, extraAttempts }: BulkOptions): OperatorCommand {
  switch (action) {
    case 'retry':
      return { type: 'RetryJob', actor, reason, extraAttempts };
    case 'discard':
      return { type: 'DiscardJob', actor, reason };
    case 'cancel':
      return { type: 'CancelJob', actor, reason };
  }
}
