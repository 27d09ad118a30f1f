import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { job, type Site } from '../worker/site.js';

/** Jobs of three kinds, enqueued and run without end until it is told to. */
export async function load(site: Site): Promise<{ stop(): Promise<void> }> {
  const kinds = ['a', 'b', 'c'].map((kind) => job(kind, () => null));
  await site.start({ jobs: kinds });
  let ended = false;
  const producing = (async () => {
    for (let n = 0; !ended; n++) {
      const some = Array.from({ length: 20 }, (_, at) => ({ job: kinds[at % 3]!, payload: n }));
      // Paced, since all of it shares one processor; while Postgres is away it fails.
      await site.ledger.enqueueMany(some).catch(() => {});
      await pause(20);
    }
  })();
  const stop = async () => {
    ended = true;
    await producing;
  };
  onTestFinished(stop);
  return { stop };
}

export interface Reader {
  readonly looks: number;
  /** The longest that a look which was answered took, in milliseconds. */
  readonly slowestMs: number;
  /** What must not be: errors, and counts that fall. */
  readonly wrong: readonly unknown[];
  stop(): Promise<void>;
}

/**
 * Asks a view for a number again and again, which must never fall. `fails` tells whether an error is
 * one that a reader has to live with, after so many looks.
 */
export function poll(
  site: Site,
  text: string,
  fails: (error: unknown, looks: number) => boolean = () => false,
): Reader {
  const seen = { looks: 0, slowestMs: 0, most: 0, wrong: [] as unknown[] };
  let ended = false;
  const polling = (async () => {
    while (!ended)
      try {
        const asked = performance.now();
        const [row] = await site.sql<{ jobs: number | null }>(text);
        const jobs = row!.jobs ?? 0;
        if (jobs < seen.most) seen.wrong.push({ text, jobs, before: seen.most });
        seen.most = Math.max(seen.most, jobs);
        seen.looks += 1;
        seen.slowestMs = Math.max(seen.slowestMs, performance.now() - asked);
      } catch (error) {
        if (!fails(error, seen.looks)) seen.wrong.push(error);
      }
  })();
  const stop = async () => {
    ended = true;
    await polling;
  };
  onTestFinished(stop);
  return {
    get looks() {
      return seen.looks;
    },
    get slowestMs() {
      return seen.slowestMs;
    },
    wrong: seen.wrong,
    stop,
  };
}

export const COUNTED = 'select sum(jobs)::int as jobs from jobledger.by_kind';
export const STATES = 'select count(*)::int as jobs from jobledger.states';
