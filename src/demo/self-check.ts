import type { Ledger, Verification } from '../index.js';
import { LICENCES } from './licences.js';
import { isEnd, type AuditedJob, type DemoFacts } from './facts.js';

/** One promise, and what contradicts it. */
export interface Check {
  readonly promise: string;
  readonly problems: readonly string[];
}

/** Holds the run to what the ledger promises: by its histories, and by the ledger's own proof. */
export function selfCheck(
  ledger: Pick<Ledger, 'partitions'>,
  facts: DemoFacts,
  killedWorker: number,
  verification: Verification,
): readonly Check[] {
  const isAlone = verification.events === facts.events;
  return [
    endedOnce(facts.jobs),
    recovered(facts, killedWorker),
    dense(ledger, verification, isAlone ? facts.jobs : []),
    agree(verification),
    replayed(verification),
    lawful(verification),
  ];
}

/** Every job has one end, as its last state-changing event, and no gap in its versions. */
export function endedOnce(jobs: readonly AuditedJob[]): Check {
  const problems = jobs.flatMap(({ events, shortId }) => {
    const ends = events.filter(isEnd).length;
    const gap = events.findIndex((event, index) => event.version !== index + 1);
    return [
      ...(ends === 1 ? [] : [`job ${shortId} ended ${ends} times`]),
      ...(ends === 1 && !isEnd(events.at(-1)!) ? [`job ${shortId} went on after its end`] : []),
      ...(gap < 0 ? [] : [`job ${shortId} lacks version ${gap + 1}`]),
    ];
  });
  return { promise: `each of the ${jobs.length} jobs ended exactly once`, problems };
}

/** The killed worker lost something, and none of it stayed lost. */
export function recovered(facts: DemoFacts, killedWorker: number): Check {
  const { lost } = facts;
  const stuck = lost.filter(({ ending }) => ending === undefined || ending.worker === killedWorker);
  return {
    promise: `what worker ${killedWorker} held when it was killed was finished by another`,
    problems: [
      ...(lost.some(({ worker }) => worker === killedWorker)
        ? []
        : ['no lost attempt is recorded']),
      ...stuck.map(({ job }) => `job ${job.shortId} was not finished by another worker`),
    ],
  };
}

/** By the ledger's own proof; where all its events are of this run, by counting them too. */
export function dense(
  { partitions }: Pick<Ledger, 'partitions'>,
  { differences, events }: Verification,
  jobs: readonly AuditedJob[],
): Check {
  const highest = new Map<number, number>();
  const all = jobs.flatMap((job) => job.events);
  for (const { partition, position } of all) {
    highest.set(partition, Math.max(position, highest.get(partition) ?? 0));
  }
  const expected = [...highest.values()].reduce((sum, position) => sum + position, 0);
  const distinct = new Set(all.map(({ partition, position }) => `${partition}/${position}`)).size;
  const gaps = distinct === expected ? [] : [`${distinct} events on ${expected} positions`];
  return {
    promise: `all ${events.toLocaleString('en')} positions of this folder's ledger are dense, in each of ${partitions} partitions`,
    problems: [
      ...gaps,
      ...differences.filter(({ where }) => where === 'position').map(({ text }) => text),
    ],
  };
}

function agree({ differences, findings = [], projections = [], verified }: Verification): Check {
  const problems = differences.filter(({ where }) => where !== 'position').map(({ text }) => text);
  const isOtherwise = projections.some((one) => !one.verified);
  const named = isOtherwise || differences.length + findings.length > 0;
  const unnamed = !verified && !named ? ['verify found a difference'] : [];
  return {
    promise: 'the dispatch tables agree with the fold of the log',
    problems: [...problems, ...unnamed],
  };
}

/** The demo's own read model must be among those that were compared. */
export function replayed({ projections = [] }: Pick<Verification, 'projections'>): Check {
  const others = projections.filter(({ name }) => name !== LICENCES).length;
  const missing = others === projections.length ? [`${LICENCES} was not compared`] : [];
  return {
    promise: `the read models equal the log, folded anew: ${LICENCES} and ${others} that come with the package`,
    problems: [
      ...missing,
      ...projections.flatMap(({ name, version, differing, rows }) =>
        differing === 0 ? [] : [`${name} ${version}: ${differing} of ${rows} rows differ`],
      ),
    ],
  };
}

/** The second opinion, of a checker that shares no code with the ledger. */
function lawful({ findings = [] }: Verification): Check {
  return {
    promise: 'every event keeps the rules, says a checker that shares no code with the ledger',
    problems: findings.map(({ code, stream, text }) => `${code}, job ${stream ?? 'none'}: ${text}`),
  };
}
