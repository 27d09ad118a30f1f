import { PgBoss } from 'pg-boss';
import { PG_BOSS } from '../settings.mjs';

const QUEUE = 'bench';

/** See README.md, "A contestant". */
export const contestant = {
  name: 'pg-boss',
  package: 'pg-boss',
  recovers: false,
  settings: PG_BOSS,
  pending: `select exists(select from pgboss.job where state < 'completed') as pending`,

  async setup(database, { prompt }) {
    const boss = await open(database, { supervise: false, schedule: false });
    // A queue that notifies halves single enqueue, so only the parts that wait for pickup have it.
    await boss.createQueue(QUEUE, { notify: prompt });
    await boss.stop({ graceful: false });
  },

  async openProducer(database, { callers = 1 } = {}) {
    const max = Math.max(10, callers);
    const boss = await open(database, { max, supervise: false, schedule: false });
    return {
      enqueue: (data, startAfter) => boss.send(QUEUE, data, startAfter ? { startAfter } : {}),
      enqueueMany: (payloads, startAfter) => {
        const options = startAfter ? { startAfter } : {};
        return boss.insert(
          QUEUE,
          payloads.map((data) => ({ data, ...options })),
        );
      },
      close: () => boss.stop({ graceful: false }),
    };
  },

  async startWorker(database, handle, { concurrency, prompt } = {}) {
    const boss = await open(database, { useListenNotify: prompt });
    const { localConcurrency } = PG_BOSS.worker;
    // A batch is handed over whole: with a limit, each of the fetchers has its share of it.
    const limit = concurrency ? Math.ceil(concurrency / localConcurrency) : Infinity;
    await boss.work(QUEUE, PG_BOSS.worker, (jobs) => handleBatch(jobs, handle, limit));
    return { stop: () => boss.stop({ graceful: true, timeout: 10_000 }) };
  },
};

async function open(database, options) {
  const boss = new PgBoss({ connectionString: database, ...options });
  boss.on('error', (error) => console.error(`${error.message}`));
  await boss.start();
  return boss;
}

async function handleBatch(jobs, handle, limit) {
  if (jobs.length <= limit) {
    await Promise.all(jobs.map((job) => handle(job.data)));
    return;
  }
  let next = 0;
  const slot = async () => {
    while (next < jobs.length) await handle(jobs[next++].data);
  };
  await Promise.all(Array.from({ length: limit }, slot));
}
