import { groupBy } from '../group-by.js';
import { duration } from '../human.js';
import { mostEventful, timeline } from './timeline.js';
import type { DemoFacts, Failure, LostAttempt } from './facts.js';
import { count, cut, size } from './format.js';
import { LICENCES } from './licences.js';
import { heading, more, rows, titled } from './lines.js';
import type { Moment } from './past.js';
import type { Screen } from './screen.js';
import type { Check } from './self-check.js';

const SHOWN_LOSSES = 8;
const SHOWN_FAILURES = 4;

/** Tells what the ledger holds of a run, from its histories alone. */
export function report(screen: Screen, facts: DemoFacts, killedWorker: number): void {
  reportLosses(screen, facts, killedWorker);
  reportRetries(screen, facts);
  reportFailures(screen, facts);
  reportHistory(screen, facts);
  reportTotals(screen, facts);
}

/** The self-check, promise by promise. */
export function reportChecks(screen: Screen, checks: readonly Check[]): void {
  heading(screen, 'Checked');
  for (const { promise, problems } of checks) {
    const mark = problems.length === 0 ? screen.green('✓') : screen.red('✗');
    screen.line(`  ${mark} ${promise}`);
    for (const problem of problems.slice(0, 5)) screen.line(`      ${problem}`);
    if (problems.length > 5) screen.line(`      and ${count(problems.length - 5, 'more')}`);
  }
}

/** Commands to go on with, each with what it shows. */
export function reportNext(
  screen: Screen,
  facts: DemoFacts,
  moment: Moment | undefined,
  cli: (args: string) => string,
): void {
  const eventful = mostEventful(facts.jobs);
  const category = facts.failures[0]?.error.category;
  const past = moment && [
    [cli(`get ${moment.job.shortId} --as-of ${moment.at}`), 'the lost job in mid-run'],
    [cli(`stats --as-of ${moment.at}`), 'all jobs at that time'],
  ];
  heading(screen, 'Try next');
  rows(screen, [
    [cli(`history ${eventful?.shortId ?? ''}`), 'every event of a job'],
    ...(past ?? []),
    [
      cli(`list --failed${category ? ` --error-category ${category}` : ''}`),
      'what failed, and why',
    ],
    [cli('projections status'), 'how far each read model is'],
    [cli(`projections show ${LICENCES}`), 'the rows of one'],
    [cli('verify'), 'prove all of it again'],
  ]);
  screen.line();
}

function reportLosses(screen: Screen, { lost }: DemoFacts, killedWorker: number): void {
  heading(screen, `${count(lost.length, 'attempt')} lost with worker ${killedWorker}, and no job`);
  titled(screen, [
    ['job', 'package', 'lost after', 'again after', 'and then'],
    ...lost.slice(0, SHOWN_LOSSES).map(lossRow),
  ]);
  more(screen, lost.length - SHOWN_LOSSES);
}

function lossRow({ job, lostAfterMs, delayMs, ending }: LostAttempt): readonly string[] {
  return [
    job.shortId,
    cut(job.label, 38),
    duration(lostAfterMs),
    delayMs === null ? 'never' : duration(delayMs),
    ending === undefined ? 'not finished' : `${ending.outcome} on worker ${ending.worker}`,
  ];
}

function reportRetries(screen: Screen, { retries }: DemoFacts): void {
  heading(screen, retriesText(retries));
  if (retries.length === 0) return;
  const delays = retries.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
  const policies = [...new Set(retries.map(({ policy }) => policy))];
  rows(screen, [
    ['delays', `${duration(delays[0]!)} to ${duration(delays.at(-1)!)}`],
    ['policy', policies.map(inWords).join('; ')],
  ]);
}

/** `5 retries, of 4 lost attempts and 1 failed attempt`. */
function retriesText(retries: DemoFacts['retries']): string {
  const total = retries.length === 1 ? '1 retry' : `${retries.length} retries`;
  const lost = retries.filter(({ after }) => after === 'loss').length;
  const failed = retries.length - lost;
  const parts = [
    lost > 0 ? count(lost, 'lost attempt') : '',
    failed > 0 ? count(failed, 'failed attempt') : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? total : `${total}, of ${parts.join(' and ')}`;
}

const JITTER: { readonly [name: string]: string } = {
  none: 'none of it random',
  full: 'all of it random',
  equal: 'half of it random',
  decorrelated: 'at random, from the delay before',
};

/** `exponential 600ms..5s equal` as a sentence; any other name as it is. */
function inWords(policy: string): string {
  const [, type, base, cap, jitter = ''] = /^(\w+) (\w+)\.\.(\w+) (\w+)$/.exec(policy) ?? [];
  if (type === undefined) return policy;
  const spaced = (text = '') => text.replace(/\D+$/, ' $&');
  return `${type} from ${spaced(base)}, at most ${spaced(cap)}, ${JITTER[jitter] ?? jitter}`;
}

function reportFailures(screen: Screen, { failures }: DemoFacts): void {
  heading(screen, `${count(failures.length, 'job')} failed for good`);
  for (const [name, group] of groupBy(failures, groupName)) {
    screen.line(`  ${group.length} × ${name}`);
    if (group.every(isForeign)) screen.line(screen.dim(`    ${FOREIGN_NOTE}`));
    rows(screen, group.slice(0, SHOWN_FAILURES).map(failureRow));
    more(screen, group.length - SHOWN_FAILURES);
  }
}

function groupName(failure: Failure): string {
  const { error, reason } = failure;
  const why = reason === 'non-retryable' ? 'not retried' : reason;
  return `${error.category}, ${why}${isForeign(failure) ? ': optional packages of other platforms' : ''}`;
}

/** Absent for a good reason: the lockfile lists what every platform would install. */
function isForeign({ error }: Failure): boolean {
  return error.message.includes('is not installed: optional');
}

const FOREIGN_NOTE =
  'as expected: npm installs only what this platform needs, the lockfile lists all';

function failureRow({ job, error }: Failure): readonly string[] {
  return [`  ${job.shortId}`, error.message];
}

function reportHistory(screen: Screen, { jobs }: DemoFacts): void {
  const job = mostEventful(jobs);
  if (job === undefined) return;
  heading(screen, `One job's history: ${job.label}, job ${job.shortId}`);
  for (const line of timeline(job)) screen.line(`  ${line}`);
  screen.line(screen.dim('  + is the time since the job was enqueued'));
}

function reportTotals(screen: Screen, facts: DemoFacts): void {
  const { jobs, succeeded, failures, events, elapsedMs } = facts;
  heading(screen, 'Totals');
  rows(screen, [
    ['jobs', `${jobs.length}: ${succeeded} succeeded, ${failures.length} failed`],
    [
      'events',
      `${events.toLocaleString('en')} in ${duration(elapsedMs)}, the wait for the lease included: ${perSecond(facts)} per second`,
    ],
    ['read', `${size(facts.bytes)} in ${count(facts.files, 'file')}`],
  ]);
}

/** Events per second from the first to the last, the wait for the dead worker's lease included. */
export function perSecond({ events, elapsedMs }: DemoFacts): number {
  return Math.round(events / Math.max(elapsedMs / 1_000, 0.001));
}
