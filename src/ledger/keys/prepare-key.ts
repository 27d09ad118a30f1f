import type { EnqueueOptions } from '../../job/enqueue-options.js';
import type { UniqueScope } from '../../job/events.js';
import { delayProblem, shown } from '../../job/limits.js';
import { keyProblem } from '../../job/names.js';
import { optionName } from '../../job/option-problems.js';
import { bad, checked } from '../check.js';

/** A unique key as it is taken: per tenant and kind. */
export interface PreparedKey {
  readonly tenant: string;
  readonly key: string;
  readonly scope: UniqueScope;
  readonly onConflict: 'return' | 'reject';
}

/** The unique key that the options ask for, checked. */
export function keyOf(options: EnqueueOptions): PreparedKey {
  const { unique } = options;
  if (typeof unique !== 'object' || unique === null) {
    throw bad(`unique: expected { key, scope, onConflict }, got ${shown(unique)}`);
  }
  const unknown = Object.keys(unique).find((name) => !UNIQUE_OPTIONS.has(name));
  if (unknown !== undefined)
    throw bad(`unique.${optionName(unknown)}: expected key, scope or onConflict`);
  const { key, scope = 'active', onConflict = 'return' } = unique;
  checked(keyProblem, 'unique.key', key);
  if (onConflict !== 'return' && onConflict !== 'reject') {
    throw bad(`unique.onConflict: expected 'return' or 'reject', got ${shown(onConflict)}`);
  }
  return { tenant: options.tenant ?? '', key, scope: scopeOf(scope), onConflict };
}

function scopeOf(scope: NonNullable<EnqueueOptions['unique']>['scope']): UniqueScope {
  if (scope === 'active' || scope === 'forever') return scope;
  if (typeof scope === 'object' && scope !== null && 'within' in scope) {
    return { withinMs: checked(delayProblem, 'unique.scope.within', scope.within) };
  }
  throw bad(`unique.scope: expected 'active', 'forever' or { within: milliseconds }`);
}

const UNIQUE_OPTIONS = new Set(['key', 'scope', 'onConflict']);
