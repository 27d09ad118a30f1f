import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readLockfile } from '../../src/demo/lockfile.js';
import { openLedger, type Ledger, type RecordedEvent } from '../../src/index.js';
import { document, section } from '../docs/markdown.js';
import { eventually } from '../support/eventually.js';
import { dataHome } from '../support/folder.js';
import { startCli, type TestProcess } from '../support/processes.js';
import { isAlive, serverPid } from '../embedded/site.js';
import { lockfile, project } from './projects.js';
import { expectLookBack, expectReplay, expectSums } from './story.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 120_000;

/** The last line of `demo --json`. */
interface Summary {
  readonly jobs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly lostAttempts: number;
  readonly retries: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly bytesRead: number;
  readonly killedWorkers: number;
  readonly projections: {
    readonly name: string;
    readonly events: number;
    readonly eventsPerSecond: number;
    readonly verified: boolean;
  };
  readonly verified: boolean;
}

const FIELDS: readonly (keyof Summary)[] = [
  ...(['jobs', 'succeeded', 'failed', 'lostAttempts', 'retries', 'events'] as const),
  ...(['eventsPerSecond', 'bytesRead', 'killedWorkers', 'projections', 'verified'] as const),
];

const BUILT_FIELDS: readonly (keyof Summary['projections'])[] = [
  ...(['name', 'events', 'eventsPerSecond', 'verified'] as const),
];

describe('the last line of --json', () => {
  it('has the fields that docs/cli.md lists, in its order', () => {
    const lists = [...section(document('docs/cli.md'), 'demo').matchAll(/: `(\w+(?:, \w+)+)`/g)];
    expect(lists.map(([, list]) => list?.split(', '))).toEqual([FIELDS, BUILT_FIELDS]);
  });
});

describe('the demo in this repository', () => {
  it(
    'audits every package, survives the kill of a worker, and leaves a ledger that tells it all',
    async () => {
      const data = await dataFolder();
      const began = performance.now();
      const demo = startCli(['demo', '--json', '--data', data], { cwd: ROOT });
      const summary = await summaryOf(demo);
      expect(performance.now() - began).toBeLessThan(60_000);
      const packages = await readLockfile(ROOT);
      expect(Object.keys(summary)).toEqual(FIELDS);
      expect(summary).toMatchObject({ jobs: packages.length, killedWorkers: 1, verified: true });
      expect(summary.succeeded + summary.failed).toBe(summary.jobs);
      expect(summary.succeeded).toBeGreaterThan(0);
      expect(summary.bytesRead).toBeGreaterThan(1_000_000);
      expect(summary.eventsPerSecond).toBeGreaterThan(0);
      expect(summary.lostAttempts).toBeGreaterThan(0);
      expect(summary.retries).toBeGreaterThanOrEqual(summary.lostAttempts);
      expect(Object.keys(summary.projections)).toEqual(BUILT_FIELDS);
      const { eventsPerSecond, ...built } = summary.projections;
      expect(built).toEqual({ name: 'demo-licences', events: summary.events, verified: true });
      expect(eventsPerSecond).toBeGreaterThan(0);
      await openedAgain(data, summary);
    },
    TIMEOUT_MS,
  );
});

describe('the demo in a small project', () => {
  it(
    'kills a worker in mid-run too, shows why jobs failed, and can be run again',
    async () => {
      const folder = await smallProject();
      const first = startCli(['demo'], { cwd: folder });
      expect(await first.exit).toEqual({ code: 0, signal: null });
      const text = first.lines.join('\n');
      expect(text).toContain('optional, for aix ppc64');
      expect(text).toMatch(/✗ worker \d+ \(process \d+\) killed with SIGKILL/);
      expect(text).toMatch(/AttemptLost +worker \d+ was lost during attempt 1; again after \d+ ms/);
      expect(text).toMatch(/^(\d+) (retry|retries), of \1 lost attempts?$/m);
      expect(text).toMatch(
        /^ +events +\d+ in .* s, the wait for the lease included: \d+ per second$/m,
      );
      expect(text).not.toContain('\u001b');
      expectReplay(first.lines);
      expectLookBack(first.lines);
      await followUpsWork(first, folder);

      const second = await summaryOf(startCli(['demo', '--json'], { cwd: folder }));
      expect(second).toMatchObject({ jobs: 3, succeeded: 1, failed: 2, verified: true });
      expect(second.lostAttempts).toBeGreaterThan(0);
      // 3 events for a job that was not disturbed, 2 more for each attempt that was lost
      expect(second.events).toBe(9 + 2 * second.lostAttempts);
      // It began with version 1 again, and folded what the first one left, too.
      expect(second.projections).toMatchObject({ verified: true });
      expect(second.projections.events).toBeGreaterThan(second.events);
      await expectBuilds(folder);
    },
    TIMEOUT_MS,
  );

  it(
    'leaves no process behind when it is interrupted, and the next one finishes the rest',
    async () => {
      const { demo, folder, pids, largeFile } = await demoWithoutEnd();
      expect(await demo.kill('SIGINT')).toEqual({ code: 130, signal: null });
      await eventually(() => !pids.some(isAlive));
      expect(demo.lines.at(-1)).toContain('Interrupted');
      await rm(largeFile);
      const next = await summaryOf(startCli(['demo', '--json'], { cwd: folder }));
      expect(next).toMatchObject({ jobs: 3, verified: true });
    },
    TIMEOUT_MS,
  );

  it(
    'says by its exit code which signal ended it',
    async () => {
      const { demo, pids } = await demoWithoutEnd();
      expect(await demo.kill('SIGTERM')).toEqual({ code: 143, signal: null });
      await eventually(() => !pids.some(isAlive));
    },
    TIMEOUT_MS,
  );

  it(
    'leaves no process behind when it is killed itself',
    async () => {
      const { demo, pids } = await demoWithoutEnd();
      await demo.kill('SIGKILL');
      await eventually(() => !pids.some(isAlive), { timeoutMs: 30_000 });
    },
    TIMEOUT_MS,
  );

  it(
    'fails in one line and leaves no process behind when the other worker dies as well',
    async () => {
      const { demo, pids, survivor } = await demoWithoutEnd();
      await demo.waitForLine('killed with SIGKILL');
      process.kill(survivor, 'SIGKILL');
      const { code } = await demo.exit;
      expect(code).toBeGreaterThan(0);
      expect(demo.errorLines).toEqual(['jobledger: worker 2 ended unexpectedly (SIGKILL)']);
      await eventually(() => !pids.some(isAlive));
    },
    TIMEOUT_MS,
  );

  it('says in one line that a folder has nothing to audit', async () => {
    const demo = startCli(['demo', '--json'], { cwd: await project({ 'a.txt': '' }) });
    expect(await demo.exit).toEqual({ code: 2, signal: null });
    expect(demo.errorLines).toHaveLength(1);
    expect(demo.errorLines[0]).toContain('package-lock.json: expected');
    expect(demo.lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { error: { code: 'BAD_INPUT', message: demo.errorLines[0]?.replace('jobledger: ', '') } },
    ]);
  });
});

/** What two demos have left of their read model: the version that is served, and the one before. */
async function expectBuilds(folder: string): Promise<void> {
  await using ledger = await openLedger({ database: { embedded: join(folder, '.jobledger') } });
  const builds = await ledger.projections().status('demo-licences');
  expect(builds.map(({ version, state }) => [version, state])).toEqual([
    [1, 'retired'],
    [2, 'live'],
  ]);
  const rows = await ledger.projections().rows('demo-licences');
  expect(rows).toMatchObject([{ licence: 'MIT', audits: 2, largest_file: 'right/package.json' }]);
}

async function dataFolder(): Promise<string> {
  const folder = await dataHome();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  return join(folder, 'data');
}

/** One package as it should be, one of another version, one of another platform. */
function smallProject(): Promise<string> {
  return project({
    'package-lock.json': lockfile({
      'node_modules/right': { version: '1.0.0' },
      'node_modules/wrong': { version: '1.0.0' },
      'node_modules/absent': { version: '1.0.0', optional: true, os: ['aix'], cpu: ['ppc64'] },
    }),
    'node_modules/right/package.json': { name: 'right', version: '1.0.0', license: 'MIT' },
    'node_modules/right/index.js': 'export const right = true;\n',
    'node_modules/wrong/package.json': { name: 'wrong', version: '1.0.1' },
  });
}

/** A demo at work that cannot end by itself, and the processes that belong to it. */
async function demoWithoutEnd() {
  const folder = await smallProject();
  const largeFile = join(folder, 'node_modules', 'right', 'large');
  await writeFile(largeFile, '');
  await truncate(largeFile, 100e9);
  const demo = startCli(['demo'], { cwd: folder });
  const lines = await Promise.all([1, 2].map((n) => demo.waitForLine(`worker ${n} (process`)));
  const [doomed = 0, survivor = 0] = lines.map((line) => Number(/process (\d+)/.exec(line)?.[1]));
  const server = await serverPid(join(folder, '.jobledger'));
  expect([survivor, server].every(isAlive)).toBe(true);
  return { demo, folder, largeFile, survivor, pids: [doomed, survivor, server] };
}

async function summaryOf(demo: TestProcess): Promise<Summary> {
  const exit = await demo.exit;
  expect(exit, demo.errorLines.join('\n')).toEqual({ code: 0, signal: null });
  return JSON.parse(demo.lines.at(-1) ?? '') as Summary;
}

/** The ledger, opened by another program, says what the demo said. */
async function openedAgain(folder: string, summary: Summary): Promise<void> {
  await using ledger = await openLedger({ database: { embedded: folder } });
  const { states, events } = await ledger.stats();
  expect(states).toMatchObject({ succeeded: summary.succeeded, failed: summary.failed });
  expect(events).toBe(summary.events);
  expect(await ledger.verify()).toMatchObject({ verified: true, events, jobs: summary.jobs });
  const histories = await allHistories(ledger);
  expect(histories).toHaveLength(summary.jobs);
  const lost = histories.filter((events) => events.some(({ type }) => type === 'AttemptLost'));
  expect(lost.length).toBeGreaterThan(0);
  for (const events of lost) expectFinishedByAnother(events);
  expectSums(await ledger.projections().rows('demo-licences', { limit: 1_000 }), histories.flat());
}

/** All jobs were enqueued before any ran: they have the first positions of every partition. */
async function allHistories(ledger: Ledger): Promise<readonly (readonly RecordedEvent[])[]> {
  const found: (readonly RecordedEvent[])[] = [];
  for (let partition = 0; partition < ledger.partitions; partition += 1) {
    for (let position = 1; ; position += 1) {
      const history = await ledger.history(`${partition}/${position}`);
      if (history.length === 0) break;
      found.push(history);
    }
  }
  return found;
}

function expectFinishedByAnother(events: readonly RecordedEvent[]): void {
  const loss = events.findLast((event) => event.type === 'AttemptLost');
  const start = events.findLast((event) => event.type === 'AttemptStarted');
  expect(loss?.data.decision).toMatchObject({ action: 'retry', reason: 'lost' });
  expect(start?.data.attempt).toBeGreaterThan(loss?.data.attempt ?? 0);
  expect(start?.data.worker).not.toBe(loss?.data.worker);
  expect(['AttemptSucceeded', 'AttemptFailed']).toContain(events.at(-1)?.type);
}

/** The commands that the demo tells to try next are run as they are printed. */
async function followUpsWork(demo: TestProcess, folder: string): Promise<void> {
  const start = demo.lines.indexOf('Try next');
  const commands = demo.lines.slice(start + 1).flatMap((line) => {
    const [, args] = /^ {2}(?:node \S+|npx jobledger) (.*?) {2,}/.exec(line) ?? [];
    return args === undefined ? [] : [args];
  });
  expect(commands).toHaveLength(7);
  for (const command of commands) {
    const follow = startCli(command.split(' '), { cwd: folder });
    expect(await follow.exit, follow.errorLines.join('\n')).toEqual({ code: 0, signal: null });
    expect(follow.lines.length).toBeGreaterThan(0);
  }
}
