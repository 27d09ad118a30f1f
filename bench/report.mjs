// Turns what `npm run bench -- --output FILE` wrote into RESULTS.md and rate.svg:
// `node bench/report.mjs FILE … [--into DIR]`. Of a part that is in several files the last counts.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rateGraph } from './lib/graph.mjs';
import { PART_NAMES } from './lib/options.mjs';
import { summarise } from './lib/summary.mjs';
import { cells, markdownTable } from './lib/table.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string', default: dirname(fileURLToPath(import.meta.url)) } },
});

if (positionals.length === 0) {
  console.error('usage: node bench/report.mjs FILE … [--into DIR]');
  process.exitCode = 2;
} else {
  const parts = collect(positionals.map((path) => JSON.parse(readFileSync(path, 'utf8'))));
  const long = parts.find(({ name }) => name === 'drain-1m');
  if (long) writeFileSync(join(values.into, 'rate.svg'), rateGraph(long));
  writeFileSync(join(values.into, 'RESULTS.md'), document(parts, long));
}

/** The parts in their order, each with the run that it comes from. */
function collect(reports) {
  const found = new Map();
  for (const { parts, ...run } of reports) {
    for (const part of parts) found.set(part.name, { ...part, run });
  }
  return PART_NAMES.filter((name) => found.has(name)).map((name) => found.get(name));
}

function document(parts, long) {
  const sections = [
    '# Results',
    'Made by `node bench/report.mjs` from the output of `npm run bench`; [README.md](README.md) says what each part does and with which settings. A figure is the median of the rounds, with the least and the most in brackets; a ratio is ours divided by theirs in the same round, then the median.',
    setting(parts),
    '## What we want to see',
    targetTable(parts),
    ...(long ? ['![Rate against finished jobs](rate.svg)'] : []),
    ...parts.flatMap(section),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** Runs on one machine with one set of versions share a line. */
function setting(parts) {
  const lines = new Map();
  for (const { name, run } of parts) {
    const line = describe(run);
    lines.set(line, [...(lines.get(line) ?? []), name]);
  }
  if (lines.size === 1) return [...lines.keys()][0];
  return [...lines].map(([line, names]) => `- ${names.join(', ')}: ${line}`).join('\n');
}

function describe({ machine, versions }) {
  const sync = machine.fdatasyncMs ? `, ${machine.fdatasyncMs} ms per fdatasync of 8 kB` : '';
  const system = `${machine.processor}, ${machine.memoryGib} GiB, ${machine.system}${sync}`;
  const built = machine.optimisation ? `built with ${machine.optimisation}, ` : '';
  const server = `Postgres ${machine.postgres} (${built}shared_buffers ${machine.sharedBuffers}, max_wal_size ${machine.maxWalSize})`;
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${system}. Node ${machine.node.slice(1)}, ${server}; ${packages.join(', ')}.`;
}

function targetTable(parts) {
  const lines = parts.flatMap(({ name, targets }) =>
    targets.map(({ text, verdict }) => [name, text, verdict]),
  );
  return markdownTable([['part', 'figure, target, measured', ''], ...lines], { texts: 3 });
}

function section(part) {
  const { name, title, runs, run } = part;
  const scale = run.scale === 1 ? '' : `, all counts and durations × ${run.scale}`;
  const failed = runs.filter(({ error }) => error);
  return [
    `## ${name}`,
    `${title[0].toUpperCase()}${title.slice(1)}. ${run.at.slice(0, 10)}, ${run.rounds} round${run.rounds === 1 ? '' : 's'}${scale}.`,
    markdownTable(cells(summarise(part))),
    ...failed.map(({ contestant, round, error }) => `Round ${round}, ${contestant}: ${error}.`),
  ];
}
