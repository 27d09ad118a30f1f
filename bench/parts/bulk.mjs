import { percentile } from '../lib/numbers.mjs';

/** Enqueues in batches of a thousand, nobody working. */
export const part = {
  name: 'bulk',
  title: 'enqueue in batches of 1,000 jobs, 200 bytes each, no worker',
  rows: [1, 2].flatMap((inFlight) => [
    { key: `rate${inFlight}`, title: `${inFlight} in flight, jobs/s` },
    { key: `p50of${inFlight}`, title: `${inFlight} in flight, p50 ms per batch`, digits: 1 },
  ]),

  async run(stage) {
    const figures = {};
    for (const inFlight of [1, 2]) {
      const producer = await stage.producer();
      await producer.call('fill', { count: stage.count(10_000, 1_000) }); // to warm up
      await stage.settle();
      const count = stage.count(200_000, 2_000);
      const ran = await producer.call('fill', { count, inFlight });
      await producer.end();
      figures[`rate${inFlight}`] = count / ran.seconds;
      figures[`p50of${inFlight}`] = percentile(ran.latencies, 0.5);
    }
    return figures;
  },
};
