import { resolved, type Schema } from './schemas.js';

/** A schema as the text of a TypeScript type, in the style of `JobEvents`. */
export function typeText(root: Schema, at: Schema = root): string {
  const schema = resolved(root, at);
  const { type, oneOf, items, properties, required = [] } = schema;
  if (oneOf !== undefined) return oneOf.map((one) => typeText(root, one)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (items !== undefined) return `readonly (${typeText(root, items)})[]`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(
      ([name, property]) =>
        `readonly ${name}${required.includes(name) ? '' : '?'}: ${typeText(root, property)};`,
    );
    return `{ ${fields.join(' ')} }`;
  }
  if (type === undefined) return 'Json';
  return [type].flat().map(plainType).join(' | ');
}

function plainType(type: string): string {
  if (type === 'object') return 'JsonObject';
  return type === 'integer' ? 'number' : type;
}
