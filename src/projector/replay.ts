import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { foldJobs, type Chunk } from './fold-jobs.js';
import { readParked } from './parked.js';
import type { Move } from './write-stretch.js';
import { isShared, Writer, type Folded } from './writer.js';
import type { Progress } from './folding.js';

/** Jobs that a chunk has at most; rows held end it before. */
const MOST_JOBS = 10_000;

/** How far a build is in a partition that it folds job by job. */
interface Course {
  readonly build: number;
  readonly partition: number;
  /** Up to which position jobs are folded; null before the first chunk. */
  readonly goal: number | null;
  /** The last job that is folded. */
  readonly jobId: string | null;
}

/** Where a chunk begins, and up to which position its jobs are folded. */
interface Where {
  readonly partition: number;
  readonly upTo: number;
  readonly jobId: string | null;
}

/**
 * Folds the past of builds that have none of it yet: whole jobs, one after the other, each up to the
 * position that was the partition's last when it began. So nothing has to be remembered or looked up
 * between a job's events, rows are only ever new, and memory holds a chunk, however long the log is.
 * Builds that are equally far read together. What comes behind that position is left to others.
 */
export class Replay {
  readonly #store: Store;
  readonly #writer: Writer;

  /** `lost` hears of a build that is not ours to write any more. */
  constructor(store: Store, lost: () => void) {
    this.#store = store;
    this.#writer = new Writer(store, lost);
  }

  /** At most one chunk of each partition; tells which builds are not through. */
  async round(builds: readonly Build[], heads: ReadonlyMap<number, number>): Promise<Progress> {
    const ids = builds.map(({ id }) => id);
    const courses = (await this.#readCourses(ids)).filter(({ partition }) => heads.has(partition));
    const behind = new Set(courses.map(({ build }) => build));
    if (courses.length === 0) return { read: 0, behind };
    const parked = await readParked(this.#store, ids);
    let read = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (const group of equallyFar(courses)) {
        const [{ partition, goal, jobId }] = group as [Course];
        const upTo = goal ?? heads.get(partition)!;
        const those = builds.filter(({ id }) => group.some(({ build }) => build === id));
        const chunk = await this.#fold(those, parked, { partition, upTo, jobId });
        await writing;
        await this.#writer.write(chunk, isShared, behind);
        writing = this.#writer.write(chunk, (build) => !isShared(build), behind);
        writing.catch(() => {});
        read += chunk.events;
      }
    } finally {
      await writing;
    }
    return { read, behind };
  }

  async #fold(
    builds: readonly Build[],
    parked: ReadonlyMap<number, ReadonlySet<string>>,
    where: Where,
  ): Promise<Folded & { readonly events: number }> {
    const most = this.#writer.most(builds, where.partition, MOST_JOBS);
    try {
      const chunk = await foldJobs(this.#store, builds, parked, { ...where, most });
      if (chunk.stopped === undefined) return this.#ready(where, chunk);
      if (chunk.jobs === 1) return { ...this.#ready(where, chunk), events: 0, move: undefined };
      // Those before the job that cannot be read; the next chunk begins with it.
      const before = { ...where, most: chunk.jobs - 1 };
      return this.#ready(where, await foldJobs(this.#store, builds, parked, before));
    } catch (error) {
      this.#writer.failed(error);
      throw error;
    }
  }

  #ready(where: Where, chunk: Chunk): Folded & { readonly events: number } {
    const { jobs: units, events, isEnd, rows, stopped, culprit } = chunk;
    const move = moveOn(this.#store, where, chunk);
    const isStill = units === 0 && !isEnd;
    const common = { partition: where.partition, units, rows, stopped, culprit };
    return { ...common, events, move: isStill ? undefined : move };
  }

  async #readCourses(builds: readonly number[]): Promise<readonly Course[]> {
    const { rows } = await this.#store.database.pool.query<Course>({
      text: `select build, partition, goal, job_id as "jobId" from unnest($1::int[]) wanted(id)
        cross join lateral (select * from ${this.#store.tables.checkpoints}
          where build = wanted.id and position = 0 offset 0) c order by partition, job_id nulls first`,
      values: [builds],
    });
    return rows;
  }
}

function equallyFar(courses: readonly Course[]): Iterable<readonly Course[]> {
  const groups = new Map<string, Course[]>();
  for (const course of courses) {
    const key = `${course.partition} ${course.goal} ${course.jobId}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [course]);
    else group.push(course);
  }
  return groups.values();
}

/** From one job to another; at the end, to the position up to which all were folded. */
function moveOn(store: Store, where: Where, { jobId, isEnd, events }: Chunk): Move {
  const text = `update ${store.tables.checkpoints} set
      position = case when $8::bool then $6::int8 else 0 end,
      goal = case when $8::bool then null else $6::int8 end,
      job_id = case when $8::bool then null else $7::uuid end,
      folded = case when $8::bool then 0 else folded + $9::int8 end
    where build = $1 and partition = $4 and position = 0
      and job_id is not distinct from $5::uuid and coalesce(goal, $6::int8) = $6::int8`;
  const { partition, jobId: from, upTo } = where;
  return { text, values: [partition, from, upTo, jobId, isEnd, events] };
}
