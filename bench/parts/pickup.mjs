import { percentile } from '../lib/numbers.mjs';
import { countStarted, pacedRun, pickups, quantiles } from '../lib/paced.mjs';

const RATE = 50;

/** How soon an idle worker begins a job that was just enqueued. */
export const part = {
  name: 'pickup',
  title: '50 jobs/s for 20 s to an idle worker: handler start minus answer of the enqueue',
  prompt: true,
  rows: [
    { key: 'p50', title: 'p50 ms', digits: 2 },
    { key: 'p95', title: 'p95 ms', digits: 2 },
    { key: 'p99', title: 'p99 ms', digits: 2 },
    { key: 'p50FromCall', title: 'p50 ms from the enqueue call', digits: 2 },
    { key: 'started', title: 'begun, % of those asked for', digits: 1 },
  ],

  async run(stage) {
    const seconds = stage.scaled(20, 1);
    const ran = await pacedRun(stage, { rate: RATE, seconds, warmSeconds: stage.scaled(2, 0.5) });
    const [p50, p95, p99] = quantiles(pickups(ran));
    return {
      p50,
      p95,
      p99,
      p50FromCall: percentile(pickups(ran, { fromCall: true }), 0.5),
      started: (countStarted(ran) * 100) / ran.started.length,
    };
  },
};
