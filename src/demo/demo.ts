import { constants } from 'node:os';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EMBEDDED_FOLDER, readEnvironment } from '../config.js';
import type { KafkaOptions, Projection, Verification } from '../index.js';
import { factsOf, type DemoFacts } from './facts.js';
import { count } from './format.js';
import { readLockfile, type LockedPackage } from './lockfile.js';
import { LICENCES } from './licences.js';
import { reportPast } from './past.js';
import { agreeing, Publication, reportPublished, type Published } from './publication.js';
import { DemoModels } from './read-models.js';
import { replay, type Replay } from './replay.js';
import { perSecond, report, reportChecks, reportNext } from './report.js';
import { run } from './run.js';
import { Screen, type TextStream } from './screen.js';
import { selfCheck } from './self-check.js';
import { Stage } from './stage.js';

/**
 * The demo: audits the installed packages of the project in the current folder, one job each, on two
 * worker processes of which it kills one, and then tells what the ledger tells. It is a user of the
 * library and knows nothing of its inside. It promises to check itself, to leave no process behind
 * however it ends, and a data folder that the CLI can open. It never changes the project.
 */
export interface DemoOptions {
  /** Ends with one JSON object on stdout; the story goes to stderr. */
  readonly json: boolean;
  /** The project to audit; the current folder unless said. */
  readonly project?: string;
  /** Where the embedded Postgres keeps its data; `./.jobledger` in the project unless said. */
  readonly dataFolder?: string;
  /** Read models to keep up to date besides the demo's own, for the commands to go on with. */
  readonly projections?: readonly Projection[];
  /** Brokers to publish to as it runs, for a small service of its own to read. */
  readonly kafka?: KafkaOptions;
  readonly stdout?: TextStream;
  readonly stderr?: TextStream;
}

/**
 * Runs the demo and gives its exit code: 0, 1 if the self-check failed, 128 and the number of the
 * signal if it was interrupted, as shells count it.
 * Throws LedgerError: `BAD_INPUT` without an npm project to audit, else what `openLedger` throws.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr } = options;
  const project = resolve(options.project ?? '.');
  const dataFolder = resolve(project, options.dataFolder ?? EMBEDDED_FOLDER);
  const packages = await readLockfile(project);
  const screen = new Screen(options.json ? stderr : stdout);
  const stage = new Stage(dataFolder);
  const { projections = [], kafka } = options;
  try {
    const story = tell({ project, dataFolder, packages, projections, kafka, screen, stage });
    const ending = await Promise.race([story, stage.interrupted]);
    if (typeof ending === 'string') {
      screen.endProgress();
      screen.line('Interrupted. What is left is done by the next demo in this folder.');
      return 128 + constants.signals[ending];
    }
    if (options.json) stdout.write(`${JSON.stringify(summary(ending))}\n`);
    return ending.verified ? 0 : 1;
  } finally {
    screen.close();
    await stage.clear();
  }
}

interface Scene {
  readonly project: string;
  readonly dataFolder: string;
  readonly packages: readonly LockedPackage[];
  readonly projections: readonly Projection[];
  readonly kafka: KafkaOptions | undefined;
  readonly screen: Screen;
  readonly stage: Stage;
}

interface Ending {
  readonly facts: DemoFacts;
  readonly published: Published | undefined;
  readonly replayed: Replay;
  readonly verification: Verification;
  readonly verified: boolean;
}

async function tell(scene: Scene): Promise<Ending> {
  const { project, dataFolder, screen, stage, packages, kafka } = scene;
  introduce(screen, packages.length, shown(project, dataFolder));
  const ledger = await stage.open();
  const models = new DemoModels(ledger, scene.projections);
  const publication = kafka && new Publication(ledger, kafka);
  await publication?.begin(stage, project);
  const [{ jobs, killedWorker }] = await Promise.all([run({ ...scene, ledger }), models.follow()]);
  const facts = factsOf(jobs);
  report(screen, facts, killedWorker);
  const published = await publication?.compare(models);
  if (published !== undefined) reportPublished(screen, published);
  const replayed = await replay(screen, models);
  const moment = await reportPast(screen, ledger, facts);
  const verification = await ledger.verify({ deep: true, projections: models.code });
  const checks = [
    ...selfCheck(ledger, facts, killedWorker, verification),
    ...(published === undefined ? [] : agreeing(published)),
  ];
  reportChecks(screen, checks);
  reportNext(screen, facts, moment, cliFor(project, dataFolder));
  const verified = checks.every(({ problems }) => problems.length === 0);
  return { facts, published, replayed, verification, verified };
}

function introduce(screen: Screen, packages: number, dataFolder: string): void {
  screen.line(screen.bold(`Auditing ${count(packages, 'package')} of package-lock.json`));
  screen.line();
  for (const line of [
    'One job per package: read its files, hash each of them (SHA-256), compare name and version',
    'with the lockfile, find the licence. Two worker processes share the jobs. One of them stops',
    'half-way and is killed while its attempts run, so that you see what a crash costs.',
    `The ledger is an embedded Postgres in ${dataFolder}`,
  ]) {
    screen.line(`  ${line}`);
  }
  screen.line();
}

/** The last line of `--json`. */
function summary({ facts, published, replayed, verification, verified }: Ending): object {
  const own = verification.projections?.find(({ name }) => name === LICENCES);
  return {
    jobs: facts.jobs.length,
    succeeded: facts.succeeded,
    failed: facts.failures.length,
    lostAttempts: facts.lost.length,
    retries: facts.retries.length,
    events: facts.events,
    eventsPerSecond: perSecond(facts),
    bytesRead: facts.bytes,
    killedWorkers: 1,
    ...(published && { kafka: { topic: published.topic, events: published.events } }),
    projections: { name: LICENCES, ...replayed, verified: own?.verified === true },
    verified,
  };
}

/** How to call the CLI from the user's folder on the demo's data. */
function cliFor(project: string, dataFolder: string): (args: string) => string {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  // npx finds the program of the project itself, too.
  const isLocal = [project, 'node_modules'].some((part) => main.includes(part + sep));
  const program = isLocal ? 'npx jobledger' : `node ${relative(process.cwd(), main)}`;
  // The CLI prefers a database that the environment names.
  const isDefault =
    dataFolder === resolve(EMBEDDED_FOLDER) && readEnvironment().databaseUrl === undefined;
  const flag = isDefault ? '' : ` --data ${shown(project, dataFolder)}`;
  return (args) => `${program} ${args}${flag}`;
}

/** A folder as a user would name it. */
function shown(from: string, folder: string): string {
  const path = relative(from, folder);
  return path === '' || path.startsWith('..') ? folder : `./${path}`;
}
