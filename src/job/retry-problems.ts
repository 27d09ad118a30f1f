import { ERROR_CATEGORIES } from './error-record.js';
import { delayProblem, shown } from './limits.js';
import { optionName } from './option-problems.js';

const TYPES = ['fixed', 'linear', 'exponential'] as const;
const JITTERS = ['none', 'full', 'equal', 'decorrelated'] as const;

/**
 * Everything wrong with a retry option, one line per fault, each naming the field. `allowFunction`
 * where the option is code's (a kind, a worker), not a job's: a function cannot travel with a job.
 */
export function retryProblems(
  option: unknown,
  { field = 'retry', allowFunction = false } = {},
): readonly string[] {
  if (option === undefined || (allowFunction && typeof option === 'function')) return [];
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    const expected = `a policy object${allowFunction ? ' or a function' : ' (data, not a function)'}`;
    return [`${field}: expected ${expected}, got ${kindOf(option)}`];
  }
  const policy = option as Readonly<Record<string, unknown>>;
  const problems = Object.entries(policy).map(([name, value]) => fieldProblem(field, name, value));
  return [...problems, capProblem(field, policy)].filter((problem) => problem !== undefined);
}

function fieldProblem(owner: string, name: string, value: unknown): string | undefined {
  const field = `${owner}.${optionName(name)}`;
  if (value === undefined) return undefined;
  switch (name) {
    case 'type':
      return choiceProblem(field, value, TYPES);
    case 'jitter':
      return choiceProblem(field, value, JITTERS);
    case 'baseMs':
    case 'capMs':
      return delayProblem(field, value);
    case 'only':
    case 'except':
      return categoriesProblem(field, value);
    default:
      return `${field}: unknown option; expected type, baseMs, capMs, jitter, only or except`;
  }
}

function capProblem(field: string, { baseMs, capMs }: Readonly<Record<string, unknown>>) {
  if (typeof baseMs !== 'number' || typeof capMs !== 'number' || baseMs <= capMs) return undefined;
  return `${field}.baseMs: expected at most ${field}.capMs (${capMs}), got ${baseMs}`;
}

function categoriesProblem(field: string, value: unknown): string | undefined {
  if (!Array.isArray(value)) {
    return `${field}: expected a list of error categories, got ${kindOf(value)}`;
  }
  const problems = value.map((category: unknown, index) =>
    choiceProblem(`${field}[${index}]`, category, ERROR_CATEGORIES),
  );
  return problems.find((problem) => problem !== undefined);
}

function choiceProblem(field: string, value: unknown, choices: readonly string[]) {
  if (typeof value === 'string' && choices.includes(value)) return undefined;
  return `${field}: expected one of ${choices.join(', ')}, got ${kindOf(value)}`;
}

function kindOf(value: unknown): string {
  return typeof value === 'function' ? 'a function' : shown(value);
}
