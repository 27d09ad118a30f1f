import { wallNow } from '../lib/clock.mjs';
import { percentile } from '../lib/numbers.mjs';
import { latenesses, pacedRun } from '../lib/paced.mjs';

const LEAD_MS = 5_000;
const WITHIN_MS = 60_000;

/** How long after their time delayed jobs begin on an idle worker. */
export const part = {
  name: 'lateness',
  title: 'delayed jobs on an idle worker: handler start minus due time',
  // Not `prompt`: it is by polling that pg-boss finds jobs that came due.
  rows: [
    { key: 'instantP50', title: '10,000 due at one instant, p50 ms' },
    { key: 'instantP99', title: '10,000 due at one instant, p99 ms' },
    { key: 'pacedP50', title: '50/s due for 20 s, p50 ms', digits: 1 },
    { key: 'pacedP99', title: '50/s due for 20 s, p99 ms', digits: 1 },
    { key: 'earliest', title: 'the earliest, ms', digits: 2, plain: true },
  ],

  async run(stage) {
    const instant = await dueAtOnce(stage, stage.count(10_000, 100));
    const seconds = stage.scaled(20, 1);
    const warmSeconds = stage.scaled(2, 0.5);
    const ran = await pacedRun(stage, { rate: 50, seconds, warmSeconds, delayMs: 1_000 });
    const paced = latenesses(ran);
    return {
      instantP50: percentile(instant, 0.5),
      instantP99: percentile(instant, 0.99),
      pacedP50: percentile(paced, 0.5),
      pacedP99: percentile(paced, 0.99),
      earliest: percentile([...instant, ...paced], 0),
    };
  },
};

async function dueAtOnce(stage, count) {
  const worker = await stage.worker();
  const producer = await stage.producer();
  await stage.settle();
  const warm = stage.count(2_000, 50);
  await worker.call('start', ...stage.work({ record: { from: warm, count } }));
  await producer.call('fill', { count: warm }); // to warm up
  await worker.call('reach', warm, WITHIN_MS);
  await stage.drainedAt();
  const runAt = new Date(Math.ceil(wallNow()) + LEAD_MS);
  await producer.call('fill', { count, from: warm, runAt });
  if (wallNow() > runAt.getTime()) throw new Error('the jobs were due before all were enqueued');
  const handled = await worker.call('reach', warm + count, WITHIN_MS);
  if (handled < warm + count) throw new Error(`only ${handled - warm} of ${count} jobs began`);
  const { wallAt } = await worker.call('starts');
  await stage.drainedAt();
  await Promise.all([worker.end(), producer.end()]);
  return wallAt.map((at) => at - runAt.getTime());
}
