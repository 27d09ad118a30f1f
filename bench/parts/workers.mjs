import { drain, fill } from '../lib/drain.mjs';

const WORKERS = [1, 2, 4];

/** Whether more processes than cores get in each other's way. */
export const part = {
  name: 'workers',
  title: '400,000 queued jobs, no-op handlers, 1, 2 and 4 worker processes',
  rows: [
    ...WORKERS.map((workers) => ({
      key: `rate${workers}`,
      title: `${workers} worker${workers === 1 ? '' : 's'}, jobs/s`,
    })),
    { key: 'twoToOne', title: '2 workers ÷ 1', digits: 2, plain: true },
    { key: 'fourToOne', title: '4 workers ÷ 1', digits: 2, plain: true },
  ],

  async run(stage) {
    // Enough for what each process has to compile and plan at first not to be what is measured.
    const count = stage.count(400_000, 1_000);
    const figures = {};
    for (const workers of WORKERS) {
      await fill(stage, { count });
      const { rate } = await drain(stage, { count, workers });
      figures[`rate${workers}`] = rate;
    }
    const { rate1, rate2, rate4 } = figures;
    return { ...figures, twoToOne: rate2 / rate1, fourToOne: rate4 / rate1 };
  },
};
