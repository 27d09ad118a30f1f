import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/demo/facts.js';
import { LICENCES } from '../../src/demo/licences.js';
import { dense, endedOnce, recovered, replayed } from '../../src/demo/self-check.js';
import { mostEventful, timeline } from '../../src/demo/timeline.js';
import type { Verification } from '../../src/index.js';
import { ENQUEUED, FAILED, job, RECOVERED, succeeded } from './histories.js';

describe('the facts of a run', () => {
  it('say which attempts were lost, what they cost, and who finished their jobs', () => {
    const lost = job(RECOVERED);
    expect(factsOf([lost, job(FAILED, { from: 9 })]).lost).toEqual([
      {
        ...{ job: lost, attempt: 1, worker: 1, lostAfterMs: 2_200, delayMs: 500 },
        ending: { outcome: 'succeeded', attempt: 2, worker: 2 },
      },
    ]);
  });

  it('add up what the histories hold', () => {
    const facts = factsOf([job(RECOVERED), job(FAILED, { from: 9 })]);
    expect(facts).toMatchObject({ succeeded: 1, events: 8, elapsedMs: 3_000 });
    expect(facts).toMatchObject({ files: 2, bytes: 1_500 });
    expect(facts.retries).toMatchObject([{ after: 'loss', delayMs: 500 }]);
    expect(facts.failures.map(({ error, reason }) => [error.category, reason])).toEqual([
      ['not-found', 'non-retryable'],
    ]);
  });

  it('count a job that has not ended neither as succeeded nor as failed', () => {
    const facts = factsOf([job(RECOVERED.slice(0, 3))]);
    expect(facts).toMatchObject({ succeeded: 0, failures: [] });
    expect(facts.lost[0]?.ending).toBeUndefined();
  });
});

describe('the self-check', () => {
  it('finds nothing in a run as it should be', () => {
    const jobs = [job(RECOVERED), job(FAILED, { from: 6 })];
    expect(endedOnce(jobs).problems).toEqual([]);
    expect(recovered(factsOf(jobs), 1).problems).toEqual([]);
    expect(dense({ partitions: 16 }, PROOF, jobs).problems).toEqual([]);
  });

  it('finds a job that never ended, ended twice, or went on after its end', () => {
    expect(endedOnce([job(RECOVERED.slice(0, 4))]).problems).toEqual(['job 3/1 ended 0 times']);
    const twice = job([...RECOVERED, succeeded(2, 4_000)]);
    expect(endedOnce([twice]).problems).toEqual(['job 3/1 ended 2 times']);
    const after = job([ENQUEUED, succeeded(1, 10), RECOVERED[1]!]);
    expect(endedOnce([after]).problems).toEqual(['job 3/1 went on after its end']);
  });

  it('finds a history with a gap', () => {
    const whole = job(RECOVERED);
    const gap = { ...whole, events: whole.events.filter(({ version }) => version !== 2) };
    expect(endedOnce([gap]).problems).toEqual(['job 3/1 lacks version 2']);
  });

  it('finds a lost attempt that nobody made good, and a kill that hit nothing', () => {
    const stuck = factsOf([job(RECOVERED.slice(0, 4))]);
    expect(recovered(stuck, 1).problems).toEqual(['job 3/1 was not finished by another worker']);
    const missed = factsOf([job(FAILED)]);
    expect(recovered(missed, 1).problems).toEqual(['no lost attempt is recorded']);
  });

  it('finds a position that is missing, by itself and by the proof of the ledger', () => {
    const jobs = [job(RECOVERED), job(FAILED, { from: 7 })];
    expect(dense({ partitions: 16 }, PROOF, jobs).problems).toEqual(['8 events on 9 positions']);
    const text = 'position 4 is missing';
    const difference = { where: 'position', partition: 3, jobId: null, text };
    const proof = { ...PROOF, verified: false, differences: [difference] };
    expect(dense({ partitions: 16 }, proof, []).problems).toEqual([text]);
  });

  it('finds rows of read models that differ, and that the own one was not compared', () => {
    const found = { version: 1, events: 8, rows: 3, parked: 0, differences: [] };
    const own = { ...found, name: LICENCES, verified: true, differing: 0 };
    const other = { ...found, name: 'jobs', verified: false, differing: 2 };
    expect(replayed({ projections: [own] }).problems).toEqual([]);
    expect(replayed({ projections: [own, other] }).problems).toEqual([
      'jobs 1: 2 of 3 rows differ',
    ]);
    expect(replayed({ projections: [] }).problems).toEqual(['demo-licences was not compared']);
    expect(replayed({}).problems).toHaveLength(1);
  });
});

describe('the timeline', () => {
  it('tells a job event by event, with the time since it was enqueued', () => {
    expect(timeline(job(RECOVERED))).toEqual([
      '   +0 ms  1  JobEnqueued       in queue demo, for up to 4 attempts',
      ' +100 ms  2  AttemptStarted    attempt 1 on worker 1',
      '  +2.3 s  3  AttemptLost       worker 1 was lost; again after 500 ms',
      '  +2.8 s  4  AttemptStarted    attempt 2 on worker 2',
      '    +3 s  5  AttemptSucceeded  in 200 ms: 2 files, 1.50 kB, MIT',
    ]);
    expect(timeline(job(FAILED)).at(-1)).toContain('not there; failed for good: non-retryable');
  });

  it('is told of the job with the longest history', () => {
    const longest = job(RECOVERED, { from: 9 });
    expect(mostEventful([job(FAILED), longest, job([ENQUEUED])])).toBe(longest);
    expect(mostEventful([])).toBeUndefined();
  });
});

const PROOF: Verification = { verified: true, events: 8, jobs: 2, differences: [], notes: [] };
