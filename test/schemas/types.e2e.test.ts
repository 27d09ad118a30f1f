import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { temporaryFolder } from '../support/folder.js';
import { SCHEMAS, type Schema } from './schemas.js';
import { typeText } from './type-text.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The type that each schema describes, as TypeScript names it. */
const TYPES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    EVENT_TYPES.flatMap((type) =>
      Array.from({ length: EVENT_VERSIONS[type] }, (_, n) => [
        `${type}.${n + 1}`,
        n + 1 === EVENT_VERSIONS[type] ? `JobEvents['${type}']` : `FormerOf<'${type}'>[${n}]`,
      ]),
    ),
  ),
  headers: 'EventMeta',
};

/** Of the headers, what TypeScript has a type for. */
const schemas = Object.entries(SCHEMAS).map(([name, schema]) => ({
  name,
  schema: name === 'headers' ? schema.$defs!['meta']! : schema,
}));

describe('the published schemas', () => {
  it('describe exactly the types that the program reads and writes', async () => {
    const text = `change schemas/TYPE.VERSION.json with the type: docs/event-versions.md`;
    expect(await differing(schemas), text).toEqual([]);
  }, 60_000);

  it('with any property gone, needed or not, or of another type would be found', async () => {
    const mutants = schemas.flatMap(({ name, schema }) =>
      [...mutantsOf(schema)].map(({ what, schema: mutant }) => ({ name, what, schema: mutant })),
    );
    expect(mutants.length).toBeGreaterThan(300);
    const found = new Set(await differing(mutants));
    const missed = mutants.filter((_, index) => !found.has(index));
    expect(missed.map(({ name, what }) => `${name} ${what}`)).toEqual([]);
  }, 60_000);
});

/** Which of these are not the types that they should be, as the compiler finds. */
async function differing(
  given: readonly { readonly name: string; readonly schema: Schema }[],
): Promise<readonly number[]> {
  const lines = given.map(
    ({ name, schema }) => `true satisfies Same<${typeText(schema)}, ${TYPES[name]}>;`,
  );
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'same.ts'), [...lines, PRELUDE].join('\n'));
  const output = await compile(folder, 'same.ts');
  return [...output.matchAll(/same\.ts\((\d+),\d+\): error/g)].map(([, line]) => Number(line) - 1);
}

const PRELUDE = `
import type { EventMeta, JobEvents } from '${ROOT}src/job/events.js';
import type { FormerOf } from '${ROOT}src/job/event-versions.js';
import type { Json, JsonObject } from '${ROOT}src/job/json.js';
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
`;

async function compile(folder: string, file: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--pretty',
    'false',
  ];
  const options = [...flags, '--target', 'es2023', '--types', '', file];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, ...options], {
      cwd: folder,
      maxBuffer: 2 ** 26,
    });
    return stdout;
  } catch (error) {
    const { stdout } = error as { readonly stdout?: string };
    if (!stdout?.startsWith(`${file}(`)) throw error;
    return stdout;
  }
}

/** The schema with each property left out, needed where it was not or the reverse, and of another type. */
function* mutantsOf(schema: Schema): Generator<{ readonly what: string; readonly schema: Schema }> {
  const { properties = {}, required = [], $defs = {}, oneOf = [] } = schema;
  for (const name of Object.keys(properties)) {
    const { [name]: own, ...others } = properties;
    const isNeeded = required.includes(name);
    const needed = isNeeded ? required.filter((one) => one !== name) : [...required, name];
    yield { what: `without ${name}`, schema: { ...schema, properties: others } };
    yield { what: `${name} needed or not`, schema: { ...schema, required: needed } };
    const other = { ...schema, properties: { ...properties, [name]: { type: 'boolean[]' } } };
    yield { what: `${name} of another type`, schema: other };
    for (const inner of mutantsOf(own!))
      yield {
        what: `${name}: ${inner.what}`,
        schema: { ...schema, properties: { ...properties, [name]: inner.schema } },
      };
  }
  for (const [name, part] of Object.entries($defs))
    for (const inner of mutantsOf(part))
      yield {
        what: `${name}: ${inner.what}`,
        schema: { ...schema, $defs: { ...$defs, [name]: inner.schema } },
      };
  for (const [index, part] of oneOf.entries())
    for (const inner of mutantsOf(part))
      yield {
        what: `${index}: ${inner.what}`,
        schema: { ...schema, oneOf: oneOf.with(index, inner.schema) },
      };
}
