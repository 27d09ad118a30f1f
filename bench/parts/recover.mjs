import { setTimeout as pause } from 'node:timers/promises';
import { now } from '../lib/clock.mjs';
import { fill } from '../lib/drain.mjs';

const WITHIN_MS = 60_000;

/** How long a killed worker's jobs hang in the air, by the default settings. */
export const part = {
  name: 'recover',
  title: '1,000 leases of a worker that is killed (SIGKILL), another one being alive',
  // The peers' defaults are four hours (graphile-worker) and 15 minutes (pg-boss): see README.md.
  enters: (contestant) => contestant.recovers,
  rows: [{ key: 'seconds', title: 'until all are decided, s', digits: 1 }],

  async run(stage) {
    const count = stage.count(1_000, 10);
    const options = { concurrency: count, defaults: true };
    await fill(stage, { count });
    const victim = await stage.worker();
    const id = await victim.call('start', ...stage.work({ work: { hang: true }, options }));
    const handled = await victim.call('reach', count, WITHIN_MS);
    if (handled < count) throw new Error(`only ${handled} of ${count} handlers were called`);
    const survivor = await stage.worker();
    await survivor.call('start', ...stage.work({ options: { defaults: true } }));
    const killedAt = now();
    await victim.kill();
    const decidedAt = await noneLeased(stage, id);
    return { seconds: (decidedAt - killedAt) / 1_000 };
  },
};

async function noneLeased(stage, worker) {
  for (const deadline = now() + WITHIN_MS; now() < deadline; await pause(20)) {
    const { rows } = await stage.admin.query(stage.contestant.leasesOf(worker));
    if (rows[0].leases === 0) return now();
  }
  throw new Error('the killed worker still has leases');
}
