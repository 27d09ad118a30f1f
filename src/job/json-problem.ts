import { isPlainObject, MAX_JSON_DEPTH, MAX_JSON_VALUES } from './plain-json.js';

/**
 * The first thing in a value that JSON cannot carry or jsonb refuses, named by its path
 * (`payload.items[2].price: NaN is not JSON`); undefined if there is none. JSON.stringify would
 * turn most of these into null, or leave them out, without a word. Objects with a `toJSON` are judged
 * by what it gives.
 */
export function jsonProblem(value: unknown, path: string): string | undefined {
  const search: Search = { ancestors: new Set(), values: 0 };
  try {
    const found = problemIn(value, '', search);
    return found === undefined ? undefined : `${path}${found.at}: ${found.text}`;
  } catch (error) {
    return unreadable(path, error);
  }
}

/** The problem of a value whose getters, proxies or `toJSON` threw while they were read. */
export function unreadable(path: string, error: unknown): string {
  return `${path}: cannot be read as JSON (${String(error).slice(0, 200)})`;
}

interface Search {
  readonly ancestors: Set<unknown>;
  values: number;
}

interface Found {
  readonly at: string;
  readonly text: string;
}

function problemIn(value: unknown, key: string, search: Search): Found | undefined {
  search.values += 1;
  if (search.values > MAX_JSON_VALUES) return here(`more than ${MAX_JSON_VALUES} values`);
  if (typeof value === 'string') return textProblem(value);
  if (typeof value !== 'object' || value === null) return scalarProblem(value);
  if (search.ancestors.has(value)) return here('a cycle is not JSON');
  if (search.ancestors.size >= MAX_JSON_DEPTH)
    return here(`nested over ${MAX_JSON_DEPTH} levels deep`);
  search.ancestors.add(value);
  const found = problemWithin(printedAs(value, key), search);
  search.ancestors.delete(value);
  return found;
}

function problemWithin(value: unknown, search: Search): Found | undefined {
  if (typeof value !== 'object' || value === null) return problemIn(value, '', search);
  if (Array.isArray(value)) return listProblem(value, search);
  if (!isPlainObject(value)) return here(`${article(classOf(value))} is not JSON`);
  for (const [name, member] of Object.entries(value)) {
    const at = memberPath(name);
    const inName = textProblem(name);
    if (inName !== undefined) return { at, text: `the name: ${inName.text}` };
    const found = problemIn(member, name, search);
    if (found !== undefined) return { at: at + found.at, text: found.text };
  }
  return undefined;
}

/** By index, not by `entries`: a hole in the list is undefined, and JSON would make it null. */
function listProblem(list: readonly unknown[], search: Search): Found | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const found = problemIn(list[index], String(index), search);
    if (found !== undefined) return { at: `[${index}]${found.at}`, text: found.text };
  }
  return undefined;
}

/** An invalid Date prints itself as null, which would pass for a value that somebody meant. */
function printedAs(value: object, key: string): unknown {
  if (value instanceof Date && Number.isNaN(value.getTime())) return value.getTime();
  const toJson: unknown = Reflect.get(value, 'toJSON');
  return typeof toJson === 'function' ? Reflect.apply(toJson, value, [key]) : value;
}

function scalarProblem(value: unknown): Found | undefined {
  if (value === undefined) return here('undefined is not JSON (leave it out, or use null)');
  if (typeof value === 'bigint') return here('a BigInt is not JSON (send it as text)');
  if (typeof value === 'function' || typeof value === 'symbol') {
    return here(`a ${typeof value} is not JSON`);
  }
  const isOdd = typeof value === 'number' && !Number.isFinite(value);
  return isOdd ? here(`${value} is not JSON`) : undefined;
}

function textProblem(text: string): Found | undefined {
  if (text.includes('\u0000')) return here('text with \\u0000 cannot be stored');
  return /\p{Cs}/u.test(text) ? here('text with a lone surrogate cannot be stored') : undefined;
}

function here(text: string): Found {
  return { at: '', text };
}

function memberPath(name: string): string {
  const plain = /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name);
  return plain ? `.${name}` : `[${JSON.stringify(name.slice(0, 60))}]`;
}

function classOf(value: object): string {
  const name: unknown = Reflect.get(Reflect.get(value, 'constructor') ?? {}, 'name');
  return typeof name === 'string' && name !== '' ? name : 'class instance';
}

function article(word: string): string {
  return `${/^[aeiou]/i.test(word) ? 'an' : 'a'} ${word}`;
}
