// Compiles src/ into dist/, and projections/ against that into dist/projections/, as a user's own
// would be. Owns dist/ and the short-lived .dist-<pid> beside it.
// Promises that a program running from dist/ never meets a half-written file, that two builds at
// once end with the same dist/, and that a build with errors leaves the last good one in place.
// Never touches anything else.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
// A sibling of dist/: renames stay on one file system.
const staging = join(root, `.dist-${process.pid}`);

removeLeftovers();
try {
  if (hasCompiler() && compileSource() && compileProjections()) publish();
  else process.exitCode = 1;
} finally {
  fs.rmSync(staging, { recursive: true, force: true });
}

/** Removes the staging folders of builds that were killed. */
function removeLeftovers() {
  for (const name of fs.readdirSync(root)) {
    const pid = /^\.dist-(\d+)$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) fs.rmSync(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Looked for as TypeScript itself does, which would answer with a stack of its own. */
function hasCompiler() {
  const name = `@typescript/typescript-${process.platform}-${process.arch}/package.json`;
  try {
    return createRequire(typescript()).resolve(name) !== '';
  } catch {
    const why = 'the compiler is an optional package of its platform, and is not installed';
    console.error(`build: ${why}; run 'npm ci' without --omit=optional`);
    return false;
  }
}

function compileSource() {
  return compile(join(root, 'tsconfig.build.json'), staging);
}

/** 'jobledger' is what has just been built: in a fresh clone there is no other. */
function compileProjections() {
  const project = join(staging, 'tsconfig.json');
  const extended = {
    extends: '../tsconfig.projections.json',
    compilerOptions: { paths: { jobledger: ['./index.d.ts'] } },
  };
  fs.writeFileSync(project, JSON.stringify(extended));
  const compiled = compile(project, join(staging, 'projections'));
  fs.rmSync(project);
  return compiled;
}

function compile(project, folder) {
  const tsc = join(dirname(typescript()), 'bin', 'tsc');
  const options = ['-p', project, '--outDir', folder, '--noEmitOnError'];
  const run = spawnSync(process.execPath, [tsc, ...options], { cwd: root, stdio: 'inherit' });
  if (run.error) throw run.error;
  return run.status === 0;
}

function typescript() {
  return createRequire(import.meta.url).resolve('typescript/package.json');
}

/** Moves file by file: each rename is atomic, and unchanged files keep their time stamps. */
function publish() {
  const built = filesUnder(staging);
  const program = join(staging, 'cli', 'main.js');
  if (fs.existsSync(program)) fs.chmodSync(program, 0o755);
  for (const file of built) {
    if (sameText(join(staging, file), join(dist, file))) continue;
    fs.mkdirSync(dirname(join(dist, file)), { recursive: true });
    fs.renameSync(join(staging, file), join(dist, file));
  }
  const wanted = new Set(built);
  for (const file of filesUnder(dist)) {
    if (!wanted.has(file)) fs.rmSync(join(dist, file), { force: true });
  }
}

function filesUnder(folder) {
  if (!fs.existsSync(folder)) return [];
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function sameText(one, other) {
  return fs.existsSync(other) && fs.readFileSync(one).equals(fs.readFileSync(other));
}
