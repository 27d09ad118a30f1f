// The settings of the server and of each contestant, in one place. README.md says why these are
// each one's best; a setting that is not here is the library's default.
import { totalmem } from 'node:os';

const GIBIBYTE = 1024 ** 3;

/** Settings of the server, the same for all. The first three are checked before anything runs. */
export const SERVER = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // An eighth of the memory, 2 GB at most: all of the tables of the largest part fit.
  shared_buffers: totalmem() >= 16 * GIBIBYTE ? '2GB' : `${Math.floor(totalmem() / 8 / 2 ** 20)}MB`,
  max_wal_size: '1GB',
  min_wal_size: '1GB',
  max_connections: '200',
};

export const JOBLEDGER = {
  worker: {
    // No-op handlers end at once: more slots than these only lengthen the lists.
    concurrency: 100,
    // The most that may be asked for; a worker never takes more than it starts within 250 ms.
    fetchAhead: 10_000,
  },
};

export const GRAPHILE_WORKER = {
  // The settings of its performance page, word for word.
  worker: {
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};

export const PG_BOSS = {
  // `batchSize` jobs per fetch, four fetchers, no pause while a fetch comes back full.
  worker: {
    batchSize: 500,
    localConcurrency: 4,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  },
};
