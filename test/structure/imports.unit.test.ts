import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  barrels,
  cycles,
  forbiddenArrows,
  foreignToProjections,
  packagesOf,
  places,
  placesInCode,
} from './rules.js';
import { filesUnder, typescriptUnder } from './source-files.js';
import type { SourceFile } from './source-files.js';

const src = typescriptUnder('src');
const file = (path: string, text: string): SourceFile => ({ path, text });

const MACHINE_PATH = /(?<![\w.~}-])\/(?:work|root|tmp|home|Users)\/\w/;
const REGISTRY_HOST = /https?:\/\/[^\s"'/]*(?:registry|artifactory|nexus|verdaccio|npmjs)/;
const ENVIRONMENT = /process\.env\b|import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*['"]node:process/;
const SWALLOWED = /default:\s*\{?\s*return state\b/;

describe('imports', () => {
  it('point one way only', () => {
    expect(src.length).toBeGreaterThan(0);
    expect(forbiddenArrows(src)).toEqual([]);
  });

  it('that point the wrong way are found', () => {
    const wrong = [
      file('src/job/decide.ts', `import { append } from '../ledger/append.js';`),
      file('src/job/evolve.ts', `import {\n  LedgerError,\n} from '../errors.js';`),
      file('src/job/clock.ts', `import { readFile } from 'node:fs/promises';`),
      file('src/ledger/read.ts', `export { run } from '../worker/run.js';`),
      file('src/embedded/start.ts', `import type { JobState } from '../job/state.js';`),
      file('src/worker/run.ts', `const list = await import('../cli/list.js');`),
      file('src/checker/stream.ts', `import { evolve } from '../job/evolve.js';`),
      file('src/errors.ts', `import { decide } from './job/decide.js';`),
      file('src/cli/demo.ts', `import { jobs } from '../../projections/jobs.ts';`),
    ];
    expect(forbiddenArrows(wrong)).toHaveLength(wrong.length);
  });

  it('that point the right way pass, and examples in docstrings are none', () => {
    const right = [
      file('src/ledger/read.ts', `import type { JobEvent } from '../job/events.js';`),
      file('src/api.ts', `import type { JobState } from './job/state.js';`),
      file('src/open.ts', `import { work } from './worker/worker.js';`),
      file(
        'src/job/define.ts',
        `/**\n * import { x } from '../cli/x.js';\n */\nexport const y = 1;`,
      ),
    ];
    expect(forbiddenArrows(right)).toEqual([]);
  });

  it('form no cycle', () => {
    expect(cycles(src)).toEqual([]);
    const ring = [
      file('src/job/a.ts', `import { b } from './b.js';`),
      file('src/job/b.ts', `import type { C } from './c.js';`),
      file('src/job/c.ts', `import { a } from './a.js';`),
    ];
    expect(cycles(ring)).toEqual(['src/job/a.ts → src/job/b.ts → src/job/c.ts → src/job/a.ts']);
  });

  it('go to the file that holds the thing, not through a barrel', () => {
    expect(barrels(src)).toEqual([]);
    const barrel = file(
      'src/job/all.ts',
      `// all\nexport * from './a.js';\nexport { b } from './b.js';`,
    );
    const mixed = file('src/job/some.ts', `export { b } from './b.js';\nexport const c = 1;`);
    expect(barrels([barrel, mixed])).toEqual(['src/job/all.ts']);
  });

  it('of read models go to the package by its name and to files beside them, as a user has them', () => {
    const projections = typescriptUnder('projections');
    expect(projections.map(({ path }) => path)).toContain('projections/index.ts');
    expect(foreignToProjections(projections)).toEqual([]);
    expect(cycles(projections)).toEqual([]);
    // They are copied and compiled as one folder.
    expect(projections.filter(({ path }) => path.split('/').length !== 2)).toEqual([]);
    const wrong = [
      file('projections/a.ts', `import { decide } from '../src/job/decide.js';`),
      file('projections/b.ts', `import { column } from 'jobledger/dist/projector/columns.js';`),
      file('projections/c.ts', `import { jobs } from './jobs.js';`),
      file('projections/d.ts', `import { hostname } from 'node:os';`),
    ];
    expect(foreignToProjections(wrong)).toHaveLength(wrong.length);
  });

  it('name only packages that an installed jobledger has', () => {
    const own = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, object>;
    const installed = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap(
      (field) => Object.keys(own[field] ?? {}),
    );
    const missing = [...packagesOf(src)].filter((name) => !installed.includes(name));
    expect(missing).toEqual([]);
    expect([...packagesOf([file('src/a.ts', `import x from '@a/b/c';\nimport 'd/e';`)])]).toEqual([
      '@a/b',
      'd',
    ]);
  });
});

describe('the source', () => {
  it('reads the environment in config.ts alone', () => {
    const others = src.filter(({ path }) => path !== 'src/config.ts');
    expect(placesInCode(ENVIRONMENT, others)).toEqual([]);
    const wrong = file('src/a.ts', `const a = 1;\nconst b = process.env['B'];`);
    expect(placesInCode(ENVIRONMENT, [wrong])).toEqual(['src/a.ts:2']);
  });

  it('never lets an unknown case fall through to the old state', () => {
    expect(placesInCode(SWALLOWED, src)).toEqual([]);
    expect(placesInCode(SWALLOWED, [file('src/a.ts', 'default:\n  return state;')])).toHaveLength(
      1,
    );
  });

  it('is tested without mocks of its modules', () => {
    expect(placesInCode(/\bvi\s*\.\s*(?:do)?[mM]ock\(/, typescriptUnder('test'))).toEqual([]);
  });
});

describe('the repository', () => {
  const all = filesUnder('.');

  it('names no path of the machine it was written on', () => {
    expect(all.length).toBeGreaterThan(src.length);
    expect(places(MACHINE_PATH, all)).toEqual([]);
    const wrong = file('docs/a.md', `see ${['', 'home', 'ada', 'x'].join('/')}`);
    expect(places(MACHINE_PATH, [wrong])).toEqual(['docs/a.md:1']);
  });

  it('names no package registry', () => {
    expect(places(REGISTRY_HOST, all)).toEqual([]);
    const wrong = file('a.json', `{ "resolved": "https://${'registry'}.example/x.tgz" }`);
    expect(places(REGISTRY_HOST, [wrong])).toEqual(['a.json:1']);
  });
});
