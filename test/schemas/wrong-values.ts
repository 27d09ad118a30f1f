import { resolved, type Schema } from './schemas.js';

/** A value that was made wrong, or has more than is known, and where. */
export interface Altered {
  readonly what: string;
  readonly value: unknown;
}

/** The value with each required property left out in turn, and each other thing of another type. */
export function* wrongValues(root: Schema, value: unknown, at: Schema = root): Generator<Altered> {
  const schema = branchOf(root, at, value);
  if (isTyped(schema)) yield { what: ' is of another type', value: anotherType(schema) };
  if (schema.items !== undefined && Array.isArray(value)) {
    for (const { what, value: inner } of wrongValues(root, value[0], schema.items))
      yield { what: `/0${what}`, value: [inner, ...value.slice(1)] };
    return;
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const { [name]: own, ...others } = value as Record<string, unknown>;
    if (own === undefined) continue;
    if (schema.required?.includes(name) === true)
      yield { what: `/${name} is missing`, value: others };
    for (const { what, value: inner } of wrongValues(root, own, property))
      yield { what: `/${name}${what}`, value: { ...others, [name]: inner } };
  }
}

/** The value with something more in each of its objects whose form is promised. */
export function* grownValues(root: Schema, value: unknown, at: Schema = root): Generator<Altered> {
  const schema = branchOf(root, at, value);
  if (schema.properties === undefined) return;
  const given = value as Readonly<Record<string, unknown>>;
  yield { what: ' has more', value: { ...given, addedLater: { by: 'somebody' } } };
  for (const [name, property] of Object.entries(schema.properties)) {
    if (given[name] === undefined) continue;
    for (const { what, value: inner } of grownValues(root, given[name], property))
      yield { what: `/${name}${what}`, value: { ...given, [name]: inner } };
  }
}

/** Where a value can be one of several, the one that it is. */
function branchOf(root: Schema, at: Schema, value: unknown): Schema {
  const schema = resolved(root, at);
  return schema.oneOf?.find((branch) => fits(branch, value)) ?? schema;
}

function fits(branch: Schema, value: unknown): boolean {
  if (branch.properties === undefined) return branch.enum?.includes(value as string) === true;
  const given = value as Readonly<Record<string, unknown>>;
  return Object.entries(branch.properties).every(
    ([name, property]) => property.const === undefined || given[name] === property.const,
  );
}

function isTyped({ type, enum: values, const: only, oneOf, properties }: Schema): boolean {
  return [type, values, only, oneOf, properties].some((one) => one !== undefined);
}

function anotherType({ type }: Schema): unknown {
  return type === 'array' ? { 0: 'no list' } : ['a list'];
}
