import { drain, fill } from '../lib/drain.mjs';

const LARGE_BYTES = 10_240;

/** Handlers that wait, and payloads that weigh something. */
export const part = {
  name: 'real',
  title: '50,000 jobs of 1 ms of async work, 100 at a time; 20,000 no-ops with 10 KiB each',
  rows: [
    { key: 'sleepRate', title: '1 ms of work, jobs/s' },
    { key: 'sleepCost', title: '1 ms of work, CPU of worker and Postgres, µs per job', digits: 1 },
    { key: 'largeFill', title: '10 KiB, enqueue in batches of 100, jobs/s' },
    { key: 'largeRate', title: '10 KiB, drain, jobs/s' },
  ],

  async run(stage) {
    const waiting = stage.count(50_000, 500);
    await fill(stage, { count: waiting });
    const work = { sleepMs: 1 };
    const slept = await drain(stage, { count: waiting, work, options: { concurrency: 100 } });
    const large = stage.count(20_000, 200);
    const filled = await fill(stage, { count: large, batch: 100, bytes: LARGE_BYTES });
    const drained = await drain(stage, { count: large });
    const { worker, postgres } = slept.cpu;
    return {
      sleepRate: slept.rate,
      sleepCost: postgres === null ? null : ((worker + postgres) * 1e6) / waiting,
      largeFill: large / filled.seconds,
      largeRate: drained.rate,
    };
  },
};
