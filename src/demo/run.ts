import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { duration } from '../human.js';
import { LedgerError, type Enqueued, type Ledger } from '../index.js';
import { DEMO_QUEUE, packageAudit } from './audit-job.js';
import type { AuditedJob } from './facts.js';
import type { LockedPackage } from './lockfile.js';
import type { Screen } from './screen.js';
import type { Stage, WorkerProcess } from './stage.js';

/** What a run needs. */
export interface DemoRun {
  readonly project: string;
  readonly dataFolder: string;
  readonly packages: readonly LockedPackage[];
  readonly ledger: Ledger;
  readonly screen: Screen;
  readonly stage: Pick<Stage, 'start'>;
}

/** What became of it. */
export interface DemoOutcome {
  readonly jobs: readonly AuditedJob[];
  readonly killedWorker: number;
}

/** Attempts at a time in each worker. */
const CONCURRENCY = 4;
/** A dead worker is noticed after this long; by default it would be 15 s. */
const LEASE_MS = 2_500;
const LOOK_MS = 100;
/** Without any progress for this long the demo gives up. */
const STALL_MS = 30_000;
const READS_AT_ONCE = 32;

/** Runs all jobs on two worker processes and kills one of them on the way. */
export async function run(demo: DemoRun): Promise<DemoOutcome> {
  const runId = randomUUID();
  const [doomed, survivor] = startWorkers(demo, runId);
  await Promise.all([doomed.message('ready'), survivor.message('ready')]);
  const enqueued = await enqueueAll(demo, runId);
  doomed.tell({ type: 'work' });
  // Small projects: the doomed one must get hold of a job before the other has done them all.
  await doomed.message('began');
  survivor.tell({ type: 'work' });
  await announce(demo.screen, [doomed, survivor]);
  const watch = watchJobs(demo);
  const [killedWorker] = await Promise.race([
    Promise.all([killInMidRun(demo, doomed, survivor), watch]),
    survivor.trouble,
  ]);
  demo.screen.endProgress();
  await survivor.stop();
  return { jobs: await readHistories(demo, enqueued), killedWorker };
}

/**
 * Both hold their attempts after a while, the doomed one until it is killed, the survivor until then.
 * So the doomed one meets its limit in any project and on any machine: what the survivor can take
 * before (a quarter, and four attempts that wait) leaves it enough to get there.
 */
function startWorkers(demo: DemoRun, runId: string): readonly [WorkerProcess, WorkerProcess] {
  const { packages, project, dataFolder, stage } = demo;
  const holdAfter = Math.max(0, Math.floor((packages.length - 2 * CONCURRENCY) / 4));
  const timing = { concurrency: CONCURRENCY, leaseMs: LEASE_MS };
  const orders = { project, dataFolder, runId, holdAfter, ...timing };
  return [
    // A leader's term would add 5 s to the time after its death, so the doomed one leads nothing.
    stage.start('worker 1', { ...orders, maintenance: false }),
    stage.start('worker 2', { ...orders, maintenance: true }),
  ];
}

async function announce(screen: Screen, workers: readonly WorkerProcess[]): Promise<void> {
  for (const process of workers) {
    const { worker } = await process.message('working');
    screen.line(`  ${screen.green('✓')} worker ${worker} (process ${process.pid}) at work`);
  }
}

/** In as many flushes as there are partitions: each takes the next partition. */
async function enqueueAll(demo: DemoRun, runId: string): Promise<readonly Enqueued[]> {
  const { packages, ledger } = demo;
  const perFlush = Math.ceil(packages.length / ledger.partitions);
  const enqueued: Enqueued[] = [];
  for (let start = 0; start < packages.length; start += perFlush) {
    const items = packages.slice(start, start + perFlush).map((payload) => ({
      ...{ job: packageAudit, payload },
      ...{ correlationId: runId, actor: 'demo' },
    }));
    enqueued.push(...(await ledger.enqueueMany(items)));
  }
  return enqueued;
}

/** Kills the worker once the ledger itself says that one of its attempts is running. */
async function killInMidRun(
  { ledger, screen }: DemoRun,
  doomed: WorkerProcess,
  survivor: WorkerProcess,
): Promise<number> {
  const { jobId, worker } = await doomed.message('holding');
  const last = (await ledger.history(jobId)).at(-1);
  if (last?.type !== 'AttemptStarted' || last.data.worker !== worker) {
    throw new LedgerError('INTERNAL', `job ${jobId} runs on worker ${worker}, the ledger says no`);
  }
  await doomed.kill();
  survivor.tell({ type: 'release' });
  const name = screen.bold(`worker ${worker} (process ${doomed.pid})`);
  screen.line(
    `  ${screen.red('✗')} ${name} killed with SIGKILL; its lease ends in ${duration(LEASE_MS)}`,
  );
  return worker;
}

/** Shows the progress until every job of the demo has ended, those an earlier run left included. */
async function watchJobs({ ledger, screen, packages }: DemoRun): Promise<void> {
  let { open, note } = await lookAt(ledger);
  const total = Math.max(packages.length, open);
  let changedAt = performance.now();
  while (open > 0) {
    screen.progress({ done: total - open, total, note });
    await pause(LOOK_MS);
    const look = await lookAt(ledger);
    if (look.open !== open) changedAt = performance.now();
    if (performance.now() - changedAt > STALL_MS) {
      throw new LedgerError('INTERNAL', `no job has ended for ${STALL_MS / 1_000} s`);
    }
    ({ open, note } = look);
  }
  screen.progress({ done: total, total, note: '' });
}

/** How many of the demo's jobs have not ended, and what they do. */
async function lookAt(ledger: Ledger): Promise<{ readonly open: number; readonly note: string }> {
  const { byQueue } = await ledger.stats();
  const line = byQueue.find(
    ({ queue, kind }) => queue === DEMO_QUEUE && kind === packageAudit.kind,
  );
  if (line === undefined) return { open: 0, note: '' };
  const { running, retrying, scheduled, available } = line;
  const parts = [
    running > 0 ? `${running} running` : '',
    retrying > 0 ? `${retrying} waiting for a retry` : '',
  ];
  return {
    open: available + scheduled + retrying + running,
    note: parts.filter((part) => part !== '').join(', '),
  };
}

async function readHistories(
  { ledger, packages }: DemoRun,
  enqueued: readonly Enqueued[],
): Promise<readonly AuditedJob[]> {
  const jobs: AuditedJob[] = [];
  for (let start = 0; start < enqueued.length; start += READS_AT_ONCE) {
    const some = enqueued.slice(start, start + READS_AT_ONCE);
    const histories = await Promise.all(some.map(({ id }) => ledger.history(id)));
    jobs.push(
      ...some.map(({ id, shortId }, index) => {
        const { name, version } = packages[start + index]!;
        const label = version === null ? name : `${name} ${version}`;
        return { id, shortId: shortId ?? id, label, events: histories[index]! };
      }),
    );
  }
  return jobs;
}
