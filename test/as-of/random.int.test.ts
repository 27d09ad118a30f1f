import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobFilter, Ledger, RecordedEvent, StateName } from '../../src/index.js';
import { STATES } from '../../src/job/state.js';
import { createDatabase, endDatabase } from '../../src/database.js';
import { openStore } from '../../src/ledger/open-store.js';
import { tally } from '../../src/ledger/query/tally.js';
import { jobStates } from '../../projections/job-states.js';
import { SILENT } from '../support/ledger.js';
import { openSite, type Site } from '../worker/site.js';
import { dueOf, histories, jobsAt, PARTITIONS, write, type Was } from './history.js';

test('what a ledger was at any instant is the fold of its events until then', async () => {
  await fc.assert(
    fc.asyncProperty(
      // Told by its seed, should it fail: the events would fill pages.
      fc.integer(),
      fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
      fc.integer({ min: 1, max: 20 }),
      async (seed, picks, step) => {
        const [events = []] = fc.sample(histories, { seed, numRuns: 1 });
        fc.pre(events.length > 0);
        const site = await openSite({ partitions: PARTITIONS, verify: false });
        await write(site, events);
        await tallied(site, step);
        await projected(site.ledger);
        const { differences } = await site.ledger.verify();
        expect(differences.filter(({ where }) => where === 'tallies')).toEqual([]);
        const times = instants(events);
        for (const pick of picks) {
          const at = times[pick % times.length]!;
          await expectAsFolded(site.ledger, events, at);
          const other = times[(pick * 7 + 3) % times.length]!;
          const [from, to] = other < at ? [other, at] : [at, other];
          await expectDiffAsFolded(site.ledger, events, from, to);
        }
        await site.ledger.close();
      },
    ),
    { numRuns: 10, endOnFailure: true },
  );
}, 240_000);

/** Tallies at every few positions, as on a ledger that has grown. */
async function tallied(site: Site, step: number): Promise<void> {
  const database = createDatabase(
    { connectionString: site.url },
    { pooler: false, maxConnections: 4 },
  );
  await tally(
    await openStore(database, { schema: 'jobledger', log: SILENT, clockShiftMs: () => 0 }),
    step,
  );
  await endDatabase(database);
}

async function projected(ledger: Ledger): Promise<void> {
  const projector = ledger.projector({ projections: [jobStates] });
  await projector.catchUp();
  await projector.stop();
}

/** At events, a microsecond before and behind them, between them, when jobs come due, before and after all. */
function instants(events: readonly RecordedEvent[]): readonly string[] {
  const dues = events.flatMap((event) => dueOf(event) ?? []).filter((due) => due < '2022');
  const marks = [...events.map(({ recordedAt }) => recordedAt), ...dues];
  return marks.flatMap((mark) =>
    [-300_000_000, -1, 0, 1, 700, 400_000].map((by) => shifted(mark, by)),
  );
}

function shifted(instant: string, micros: number): string {
  const all = BigInt(Date.parse(instant)) * 1_000n + BigInt(micros);
  const text = new Date(Number(all / 1_000n)).toISOString();
  return text.replace('Z', `${String(all % 1_000n).padStart(3, '0')}Z`);
}

async function expectAsFolded(
  ledger: Ledger,
  events: readonly RecordedEvent[],
  at: string,
): Promise<void> {
  const jobs = jobsAt(events, at);
  expect(await ledger.stats({ asOf: at })).toEqual(statsOf(events, jobs, at));
  for (const [filter, meant] of filters(jobs)) {
    const fitting = jobs.filter(meant);
    expect([filter, await pages(ledger, filter, at)]).toEqual([
      filter,
      fitting.map(({ job }) => job.id),
    ]);
    expect(await ledger.count({ ...filter, asOf: at })).toBe(fitting.length);
  }
  for (const { job, state } of jobs.slice(0, 5)) {
    const shortId = `${job.partition}/${job.position}`;
    expect(await ledger.get(job.id, { asOf: at })).toEqual({ ...job, state, shortId });
    const until = events.filter((one) => one.streamId === job.id && one.recordedAt <= at);
    expect(await ledger.history(shortId, { asOf: at })).toMatchObject(
      until.map(({ version, type }) => ({ version, type })),
    );
  }
  const later = events.find((one) => one.version === 1 && one.recordedAt > at);
  if (later !== undefined) expect(await ledger.get(later.streamId, { asOf: at })).toBeUndefined();
}

function statsOf(events: readonly RecordedEvent[], jobs: readonly Was[], at: string) {
  const lines = [...new Set(jobs.map(({ job }) => JSON.stringify([job.queue, job.kind])))]
    .map((line) => JSON.parse(line) as [string, string])
    .sort(([q, k], [r, l]) => (q < r || (q === r && k < l) ? -1 : 1));
  return {
    at,
    enqueued: jobs.length,
    events: events.filter(({ recordedAt }) => recordedAt <= at).length,
    states: counts(jobs),
    byQueue: lines.map(([queue, kind]) => ({
      ...{ queue, kind },
      ...counts(jobs.filter(({ job }) => job.queue === queue && job.kind === kind)),
    })),
  };
}

function counts(jobs: readonly Was[]): Record<StateName, number> {
  const of = (state: StateName) => jobs.filter((one) => one.state === state).length;
  return Object.fromEntries(STATES.map((state) => [state, of(state)])) as Record<StateName, number>;
}

/** Filters, and what they mean. */
function filters(jobs: readonly Was[]): readonly [JobFilter, (was: Was) => boolean][] {
  const found = jobs.find(({ job, state }) => state !== 'succeeded' && job.previousError)?.job;
  const { category, fingerprint } = found?.previousError ?? {
    category: 'unknown',
    fingerprint: 'f',
  };
  const errorOf = ({ job, state }: Was) => (state === 'succeeded' ? undefined : job.previousError);
  return [
    [{}, () => true],
    ...STATES.map((state): [JobFilter, (was: Was) => boolean] => [
      { state, queue: 'q"2' },
      (was) => was.state === state && was.job.queue === 'q"2',
    ]),
    [
      { state: ['available', 'failed'], kind: `o'k` },
      (was) => was.job.kind === `o'k` && ['available', 'failed'].includes(was.state),
    ],
    [
      { tenant: 'acme', correlationId: 'c-1' },
      ({ job: { meta } }) => meta.tenant === 'acme' && meta.correlationId === 'c-1',
    ],
    [
      { errorCategory: category, fingerprint },
      (was) => errorOf(was)?.fingerprint === fingerprint && errorOf(was)?.category === category,
    ],
  ];
}

/** All pages, each of one instant. */
async function pages(ledger: Ledger, filter: JobFilter, asOf: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await ledger.listPage({ ...filter, asOf, cursor, limit: 7 });
    expect(page.asOf).toBe(asOf);
    ids.push(...page.jobs.map(({ id }) => id));
    if (page.next === null) return ids;
    cursor = page.next;
  }
}

async function expectDiffAsFolded(
  ledger: Ledger,
  events: readonly RecordedEvent[],
  from: string,
  to: string,
): Promise<void> {
  const queue = 'q"2';
  const before = jobsAt(events, from).filter(({ job }) => job.queue === queue);
  const after = jobsAt(events, to).filter(({ job }) => job.queue === queue);
  const was = new Map(before.map(({ job, state }) => [job.id, state]));
  const moved = after.filter(({ job, state }) => was.get(job.id) !== state);
  const between = events.filter(
    (one) => one.queue === queue && one.recordedAt > from && one.recordedAt <= to,
  );
  const diff = await ledger.diff({ from, to, queue });
  expect(diff).toMatchObject({ from, to, before: counts(before), after: counts(after) });
  expect(diff.events).toEqual(tallyOf(between.map(({ type }) => type)));
  expect(Object.fromEntries(diff.moves.map((one) => [`${one.from} ${one.to}`, one.jobs]))).toEqual(
    tallyOf(moved.map(({ job, state }) => `${was.get(job.id) ?? null} ${state}`)),
  );
  const failed = moved.filter(({ state }) => state === 'failed');
  expect(Object.fromEntries(diff.failures.map((one) => [one.fingerprint, one.jobs]))).toEqual(
    tallyOf(failed.map(({ job }) => job.previousError!.fingerprint)),
  );
  for (const { sample, message } of diff.failures)
    expect(failed.find(({ job }) => job.id === sample)?.job.previousError?.message).toBe(message);
}

function tallyOf(names: readonly string[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name of names) all[name] = (all[name] ?? 0) + 1;
  return all;
}
