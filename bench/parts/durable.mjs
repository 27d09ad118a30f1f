import { fill } from '../lib/drain.mjs';
import { percentile } from '../lib/numbers.mjs';

const WITHIN_MS = 60_000;

/** What one caller waits for an acknowledged job while a worker is at work beside it. */
export const part = {
  name: 'durable',
  title: '300 enqueues one after another beside a worker of no-ops',
  prompt: true,
  rows: [
    { key: 'p50', title: 'worker runs these jobs, p50 ms', digits: 2 },
    { key: 'p99', title: 'worker runs these jobs, p99 ms', digits: 2 },
    { key: 'busyP50', title: 'worker drains a backlog, p50 ms', digits: 2 },
    { key: 'busyP99', title: 'worker drains a backlog, p99 ms', digits: 2 },
  ],

  async run(stage) {
    const count = stage.count(300, 30);
    const idle = await besideIdleWorker(stage, count);
    const busy = await besideBusyWorker(stage, count);
    return {
      p50: percentile(idle, 0.5),
      p99: percentile(idle, 0.99),
      busyP50: percentile(busy, 0.5),
      busyP99: percentile(busy, 0.99),
    };
  },
};

async function besideIdleWorker(stage, count) {
  const worker = await stage.worker();
  const producer = await stage.producer();
  await stage.settle();
  await worker.call('start', ...stage.work());
  await producer.call('serial', { count: 50 }); // to warm up
  const latencies = await producer.call('serial', { count });
  await worker.call('reach', count + 50, WITHIN_MS);
  await stage.drainedAt();
  await Promise.all([worker.end(), producer.end()]);
  return latencies;
}

/** Gives nothing if the backlog ended first: then the figure would not be what it says. */
async function besideBusyWorker(stage, count) {
  const backlog = stage.count(300_000, 5_000);
  await fill(stage, { count: backlog });
  const worker = await stage.worker();
  const producer = await stage.producer();
  await stage.settle();
  await worker.call('start', ...stage.work());
  await worker.call('reach', Math.round(backlog / 20), WITHIN_MS);
  const latencies = await producer.call('serial', { count });
  const { handled } = await worker.call('state');
  await Promise.all([worker.kill(), producer.end()]);
  return handled < backlog ? latencies : [];
}
