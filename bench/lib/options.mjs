import { parseArgs } from 'node:util';

/** Names of all parts, in the order in which they run. Each has a file in parts/. */
export const PART_NAMES = [
  'single',
  'bulk',
  'drain',
  'drain-1m',
  'pickup',
  'snapshot',
  'sustained',
  'size',
  'durable',
  'lateness',
  'recover',
  'workers',
  'real',
  'replay',
  'kafka',
];

/** Names of all contestants, ours first. Each has a file in contestants/. */
export const CONTESTANT_NAMES = ['jobledger', 'graphile-worker', 'pg-boss'];

export const HELP = `Usage: npm run bench -- [part …] [options]

Runs jobledger, graphile-worker and pg-boss side by side on a Postgres of its own.

Parts, all unless named: ${PART_NAMES.join(', ')}

Options:
  --rounds N          times that each part is run for each contestant (3)
  --scale F           shrink or grow all counts and durations, 0.001 to 10 (1)
  --peers a,b         contestants (${CONTESTANT_NAMES.join(',')})
  --database URL      use this server, with an account that may create databases, not its own
  --postgres-bin DIR  programs of the Postgres to start (the newest in /usr/lib/postgresql, else
                      those of the embedded package)
  --folder DIR        where the server's data goes (the folder for temporary files)
  --output FILE       write everything as JSON to this file too, after each part
  --json              print everything as JSON instead of tables
  --no-build          measure dist/ as it is
  --help              print this`;

/** The options of one run, checked. Throws an error with `isUsage` that names what is wrong. */
export function parseOptions(args) {
  const { values, positionals } = parse(args);
  for (const part of positionals) known('part', part, PART_NAMES);
  const peers = values.peers?.split(',') ?? CONTESTANT_NAMES;
  for (const peer of peers) known('--peers', peer, CONTESTANT_NAMES);
  if (values.database !== undefined && values['postgres-bin'] !== undefined) {
    throw usage('--postgres-bin: expected without --database, which starts no server');
  }
  return {
    parts: PART_NAMES.filter((name) => positionals.length === 0 || positionals.includes(name)),
    contestants: CONTESTANT_NAMES.filter((name) => peers.includes(name)),
    rounds: number('--rounds', values.rounds, { least: 1, most: 100, whole: true }),
    scale: number('--scale', values.scale, { least: 0.001, most: 10 }),
    database: values.database,
    postgresBin: values['postgres-bin'],
    folder: values.folder,
    output: values.output,
    json: values.json,
    build: !values['no-build'],
    help: values.help,
  };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '3' },
        scale: { type: 'string', default: '1' },
        peers: { type: 'string' },
        database: { type: 'string' },
        'postgres-bin': { type: 'string' },
        folder: { type: 'string' },
        output: { type: 'string' },
        json: { type: 'boolean', default: false },
        'no-build': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw usage(error.message);
  }
}

function known(field, name, names) {
  if (!names.includes(name)) {
    throw usage(`${field} ${JSON.stringify(name)} is unknown: expected one of ${names.join(', ')}`);
  }
}

function number(field, text, { least, most, whole = false }) {
  const value = Number(text);
  const fits = text.trim() !== '' && value >= least && value <= most;
  if (fits && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? 'a whole number' : 'a number';
  throw usage(`${field} ${JSON.stringify(text)}: expected ${kind} from ${least} to ${most}`);
}

function usage(message) {
  return Object.assign(new Error(message), { isUsage: true });
}
