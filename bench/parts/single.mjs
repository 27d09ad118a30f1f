import { percentile } from '../lib/numbers.mjs';

/** Enqueues one by one, nobody working: a caller alone, and sixteen at a time. */
export const part = {
  name: 'single',
  title: 'enqueue one job per call, 200 bytes each, no worker',
  rows: [1, 16].flatMap((callers) => {
    const who = callers === 1 ? '1 caller' : `${callers} callers`;
    return [
      { key: `rate${callers}`, title: `${who}, jobs/s` },
      { key: `p50of${callers}`, title: `${who}, p50 ms`, digits: 2 },
      { key: `p99of${callers}`, title: `${who}, p99 ms`, digits: 2 },
    ];
  }),

  async run(stage) {
    const figures = {};
    for (const callers of [1, 16]) {
      const producer = await stage.producer({ callers });
      await stage.settle();
      const seconds = stage.scaled(6, 0.3);
      const warmSeconds = stage.scaled(1, 0.2);
      const ran = await producer.call('single', { callers, seconds, warmSeconds });
      await producer.end();
      figures[`rate${callers}`] = ran.latencies.length / ran.seconds;
      figures[`p50of${callers}`] = percentile(ran.latencies, 0.5);
      figures[`p99of${callers}`] = percentile(ran.latencies, 0.99);
    }
    return figures;
  },
};
