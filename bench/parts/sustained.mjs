import { countStarted, pacedRun, pickups, quantiles } from '../lib/paced.mjs';

const RATE = 1_000;

/** What an even load costs, and how soon jobs begin under it. */
export const part = {
  name: 'sustained',
  title: '1,000 jobs/s for two minutes',
  prompt: true,
  rows: [
    { key: 'p50', title: 'pickup p50 ms', digits: 2 },
    { key: 'p99', title: 'pickup p99 ms', digits: 2 },
    { key: 'worker', title: 'CPU of the worker, % of a core', digits: 1 },
    { key: 'postgres', title: 'CPU of Postgres, % of a core', digits: 1 },
    { key: 'cpu', title: 'CPU of both, % of a core', digits: 1 },
    { key: 'cost', title: 'CPU of both, µs per job', digits: 1 },
    { key: 'rate', title: 'begun, jobs/s' },
  ],

  async run(stage) {
    const seconds = stage.scaled(120, 3);
    const ran = await pacedRun(stage, { rate: RATE, seconds, warmSeconds: stage.scaled(5, 0.5) });
    const [p50, , p99] = quantiles(pickups(ran));
    const { cpu } = ran;
    const worker = (cpu.worker * 100) / cpu.seconds;
    const postgres = cpu.postgres === null ? null : (cpu.postgres * 100) / cpu.seconds;
    const began = countStarted(ran);
    return {
      p50,
      p99,
      worker,
      postgres,
      cpu: postgres === null ? null : worker + postgres,
      cost: postgres === null ? null : ((cpu.worker + cpu.postgres) * 1e6) / began,
      rate: began / seconds,
    };
  },
};
