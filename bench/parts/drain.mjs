import { drain, fill } from '../lib/drain.mjs';

/** A full queue, no-op handlers, one worker process. */
export const part = {
  name: 'drain',
  title: '100,000 queued jobs, no-op handlers, one worker process',
  rows: [
    { key: 'rate', title: 'jobs/s' },
    { key: 'worker', title: 'CPU of the worker, % of a core' },
    { key: 'postgres', title: 'CPU of Postgres, % of a core' },
    { key: 'cost', title: 'CPU of both, µs per job', digits: 1 },
  ],

  async run(stage) {
    const count = stage.count(100_000, 500);
    await fill(stage, { count });
    const { rate, cpu } = await drain(stage, { count });
    const { seconds, worker, postgres } = cpu;
    return {
      rate,
      worker: (worker * 100) / seconds,
      postgres: postgres === null ? null : (postgres * 100) / seconds,
      cost: postgres === null ? null : ((worker + postgres) * 1e6) / count,
    };
  },
};
