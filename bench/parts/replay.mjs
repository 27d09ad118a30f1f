import { drain, fill } from '../lib/drain.mjs';

/** The read models: folding as events come, and all over again. Only ours has any. */
export const part = {
  name: 'replay',
  title: '1,000,000 jobs, 3,000,000 events: read models folded live and rebuilt',
  enters: ({ name }) => name === 'jobledger',
  rows: [
    { key: 'read', title: 'events/s plainly read in order' },
    { key: 'live', title: 'events/s folded into `jobs` while it is served' },
    { key: 'rebuild', title: 'events/s, rebuild of `jobs`' },
    { key: 'rebuildToRead', title: 'rebuild ÷ plain read', digits: 2 },
    { key: 'all', title: 'events/s, rebuild of all read models at once' },
    { key: 'two', title: 'the same by two processes' },
    { key: 'liveRss', title: 'most memory, live, MB' },
    { key: 'rebuildRss', title: 'most memory, rebuild of `jobs`, MB' },
    { key: 'allRss', title: 'most memory, rebuild of all, MB' },
    { key: 'list', title: 'as of six times, list of a queue and state, worst ms', digits: 1 },
    { key: 'stats', title: 'as of six times, counts, worst ms', digits: 1 },
    { key: 'get', title: 'as of six times, one job, worst ms', digits: 1 },
    { key: 'drainAlone', title: 'jobs/s of a worker, no projector' },
    { key: 'drainBeside', title: 'jobs/s of a worker, `jobs` followed by a process beside it' },
    { key: 'besideToAlone', title: 'beside ÷ alone', digits: 2 },
  ],

  async run(stage) {
    const before = await inProcess(stage, (projector) => projector.call('catchUp', ['jobs']));
    if (before.events !== 0) throw new Error('the ledger was not empty');
    const beside = await drains(stage, stage.count(100_000, 250));
    const count = stage.count(800_000, 500);
    await fill(stage, { count });
    await drain(stage, { count });
    await stage.settle();
    const live = await inProcess(stage, (projector) => projector.call('catchUp', ['jobs']));
    const read = await readPlainly(stage);
    const rebuild = await inProcess(stage, (projector) => projector.call('rebuild', 'jobs'));
    const readAgain = await readPlainly(stage);
    const plain = (read.rate + readAgain.rate) / 2;
    await inProcess(stage, async (projector) => proven(await projector.call('verify', 'jobs')));
    const all = await rebuildAll(stage);
    await stage.settle();
    const past = await inProcess(stage, (one) => one.call('lookBack', stage.database));
    return {
      ...past,
      ...{ read: plain, live: live.rate, rebuild: rebuild.rate },
      ...{ rebuildToRead: rebuild.rate / plain, all: all.rate, two: await rebuildByTwo(stage) },
      ...{ liveRss: mb(live), rebuildRss: mb(rebuild), allRss: mb(all), ...beside },
    };
  },
};

const mb = ({ rss }) => rss / 1e6;

/** A fresh process each time, so that its memory is that of what it does. */
async function inProcess(stage, use) {
  const projector = await stage.projector();
  const result = await use(projector);
  await projector.end();
  return result;
}

function readPlainly(stage) {
  return inProcess(stage, (projector) => projector.call('read', stage.database));
}

function proven(answers) {
  if (answers.length !== 1 || !answers[0].verified) throw new Error('a read model differs');
}

/** The same drain without and with somebody who follows. */
async function drains(stage, count) {
  await fill(stage, { count });
  const alone = await drain(stage, { count });
  const projector = await stage.projector();
  await projector.call('follow', ['jobs']);
  await projector.call('caughtUp', 'jobs');
  await fill(stage, { count });
  await projector.call('caughtUp', 'jobs');
  const beside = await drain(stage, { count });
  await projector.end();
  const [drainAlone, drainBeside] = [alone.rate, beside.rate];
  return { drainAlone, drainBeside, besideToAlone: drainBeside / drainAlone };
}

async function rebuildAll(stage) {
  await forgetAll(stage);
  return inProcess(stage, (projector) => projector.call('catchUp'));
}

/** Each process has half of the read models: one of them is never shared. */
async function rebuildByTwo(stage) {
  await forgetAll(stage);
  const both = [await stage.projector(), await stage.projector()];
  const names = await both[0].call('names');
  const half = Math.ceil(names.length / 2);
  if (names.length === 1) return null;
  const done = await Promise.all([
    both[0].call('catchUp', names.slice(0, half)),
    both[1].call('catchUp', names.slice(half)),
  ]);
  for (const one of both) await one.end();
  return done[0].events / Math.max(...done.map(({ seconds }) => seconds));
}

async function forgetAll({ admin }) {
  const { rows } = await admin.query('select name, table_name from jobledger.projections');
  for (const { name, table_name: table } of rows) {
    await admin.query(`drop view if exists jobledger."${name.replaceAll('-', '_')}"`);
    await admin.query(`drop table if exists jobledger."${table}"`);
  }
  await admin.query('delete from jobledger.projections');
}
