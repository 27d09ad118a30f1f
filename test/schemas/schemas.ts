import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { toRecord, type EventText } from '../../src/kafka/record.js';

/** As much of a JSON Schema as ours use. */
export interface Schema {
  readonly $id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean;
}

const FOLDER = new URL('../../schemas/', import.meta.url);

/** The published schemas by their files' names, without `.json`. */
export const SCHEMAS: Readonly<Record<string, Schema>> = Object.fromEntries(
  readdirSync(FOLDER).map((file) => {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    return [file.replace(/\.json$/, ''), JSON.parse(text) as Schema];
  }),
);

const ajv = new Ajv2020({
  schemas: Object.values(SCHEMAS) as object[],
  allErrors: true,
  allowUnionTypes: true,
});

/** What keeps a value from fitting a schema, named by its `$id` and what stands behind it. */
export function problemsOf(id: string, value: unknown): readonly string[] {
  const validate = ajv.getSchema(id);
  if (validate === undefined) return [`there is no schema ${id}`];
  void validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The `$id` of a type's form. */
export function idOf(type: string, version: number): string {
  return `urn:jobledger:schema:${type}:${version}`;
}

/** What keeps a stored event, as the record that the relay makes of it, from the contract. */
export function recordProblems(event: EventText): readonly string[] {
  const { key, value, headers } = toRecord(event, ORIGIN);
  const problems = [
    ...problemsOf('urn:jobledger:schema:headers', headers),
    ...problemsOf('urn:jobledger:schema:headers#/$defs/meta', JSON.parse(headers['jl_meta']!)),
    ...problemsOf(idOf(event.type, event.schemaVersion), JSON.parse(value!)),
    ...(key === headers['ce_subject'] ? [] : ['the key is not ce_subject']),
  ];
  return problems.map((problem) => `${event.type}: ${problem}: ${value} ${event.meta}`);
}

const ORIGIN = { ledgerId: '01890a5d-ac96-774b-bcce-b302099a8000', epoch: 1 };

/** A schema with its references followed, as far as this level. */
export function resolved(root: Schema, schema: Schema): Schema {
  const name = schema.$ref?.replace('#/$defs/', '');
  return name === undefined ? schema : root.$defs![name]!;
}
