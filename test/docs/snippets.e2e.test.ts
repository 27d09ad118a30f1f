import { execFile } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenEvents } from '../events/golden.js';
import { dataHome } from '../support/folder.js';
import { blocksOf, document, documents, section, type Block } from './markdown.js';
import { PRELUDE } from './prelude.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

describe('the documents', () => {
  it('hold TypeScript that a strict compiler accepts', async () => {
    const blocks = documents().flatMap((file) => blocksOf(file));
    const snippets = blocks.filter(({ language }) => language === 'ts');
    expect(snippets.length).toBeGreaterThan(10);
    expect(await faults([...snippets, ...exampleEvents()])).toEqual([]);
  }, 120_000);

  it('have golden files beside them that read as events of today’s types', async () => {
    const golden = goldenEvents().map(({ name, reads }) => ({
      ...{ file: `test/events/${name}.json`, line: 1, language: 'ts' },
      text: `import type { EventOf } from 'jobledger';
        export const event: EventOf<'${reads.type}'> = ${JSON.stringify(reads)};`,
    }));
    expect(await faults(golden)).toEqual([]);
  }, 120_000);

  it('would be refused for a call that does not exist', async () => {
    const wrong = { file: 'x.md', line: 1, language: 'ts', text: 'await ledger.enqueu();\n' };
    expect(await faults([wrong])).toEqual([expect.stringContaining("'enqueu' does not exist")]);
  }, 120_000);
});

/** Each JSON example of docs/events.md, under the heading of its type, as that type's data. */
function exampleEvents(): readonly Block[] {
  const events = document('docs/events.md');
  const types = [...events.matchAll(/^### ([A-Z]\w+)$/gm)].map((match) => match[1]!);
  return types.flatMap((type) =>
    blocksOf(`docs/events.md ${type}`, section(events, type)).map((block) => ({
      ...block,
      text: `import type { JobEvents } from 'jobledger';
        export const data: JobEvents['${type}'] = ${block.text};`,
    })),
  );
}

/** What the compiler says of the blocks, each line with the document it is about. */
async function faults(blocks: readonly Block[]): Promise<readonly string[]> {
  const folder = await dataHome();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  await mkdir(join(folder, 'snippets'));
  await writeFile(join(folder, 'prelude.d.ts'), PRELUDE);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const files = blocks.map((_, index) => `snippets/${index}.ts`);
  for (const [index, { text }] of blocks.entries()) {
    await writeFile(join(folder, files[index]!), `${text}\nexport {};\n`);
  }
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      rootDir: '/',
      paths: {
        jobledger: [join(ROOT, 'src/index.ts')],
        'jobledger/projections': [join(ROOT, 'projections/index.ts')],
      },
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    files: ['prelude.d.ts', ...files],
    include: [],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const { stdout } = await promisify(execFile)(process.execPath, [TSC, '-p', folder], {
    cwd: folder,
  }).catch((error: { stdout: string }) => error);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('snippets/'))
    .map((line) => {
      const { file, line: at } = blocks[Number(/\d+/.exec(line)![0])]!;
      return `${file}:${at} ${line.replace(/^snippets\/\d+\.ts/, '')}`;
    });
}
