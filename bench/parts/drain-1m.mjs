import { drain, fill } from '../lib/drain.mjs';

const STEPS = 10;
const MEBIBYTE = 2 ** 20;

/** A queue that has grown: does the rate hold to its end, and with all of it behind? */
export const part = {
  name: 'drain-1m',
  title: '1,000,000 queued jobs by steps of 100,000; 100,000 before and after it on their own',
  rows: [
    { key: 'rate', title: 'all, jobs/s' },
    ...Array.from({ length: STEPS }, (_, index) => ({
      key: `rate${index + 1}`,
      title: `step ${index + 1}, jobs/s`,
    })),
    { key: 'lastToFirst', title: 'last step ÷ first', digits: 2, plain: true },
    { key: 'before', title: '100,000 in an empty store, jobs/s' },
    { key: 'after', title: '100,000 after a million, jobs/s' },
    { key: 'afterToBefore', title: 'after ÷ before', digits: 2, plain: true },
    ...Array.from({ length: STEPS }, (_, index) => ({
      key: `rss${index + 1}`,
      title: `worker's memory after step ${index + 1}, MiB`,
      plain: true,
    })),
    {
      key: 'memoryGrowth',
      title: 'memory, most of steps 6–10 ÷ most of 1–5',
      digits: 2,
      plain: true,
    },
  ],

  async run(stage) {
    const few = stage.count(100_000, 500);
    const many = stage.count(1_000_000, 5_000);
    const before = await fillAndDrain(stage, few);
    const main = await fillAndDrain(stage, many, Math.floor(many / STEPS));
    const after = await fillAndDrain(stage, few);
    return {
      rate: main.rate,
      ...stepFigures(main, Math.floor(many / STEPS)),
      before: before.rate,
      after: after.rate,
      afterToBefore: after.rate / before.rate,
    };
  },
};

async function fillAndDrain(stage, count, step) {
  await fill(stage, { count });
  return drain(stage, { count, step });
}

function stepFigures({ firstAt, states }, size) {
  const { steps } = states[0];
  const figures = {};
  for (const [index, { at, rss }] of steps.entries()) {
    const began = index === 0 ? firstAt : steps[index - 1].at;
    figures[`rate${index + 1}`] = (size * 1_000) / (at - began);
    figures[`rss${index + 1}`] = rss / MEBIBYTE;
  }
  const most = (some) => Math.max(...some.map(({ rss }) => rss));
  return {
    ...figures,
    lastToFirst: figures[`rate${STEPS}`] / figures.rate1,
    memoryGrowth: most(steps.slice(STEPS / 2, STEPS)) / most(steps.slice(0, STEPS / 2)),
  };
}
