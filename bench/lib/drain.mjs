import { setTimeout as pause } from 'node:timers/promises';

const WITHIN_MS = 900_000;

/** Fills the queue by a producer that is gone again before anybody works. */
export async function fill(stage, plan) {
  const producer = await stage.producer();
  const filled = await producer.call('fill', plan);
  await producer.end();
  return filled;
}

/**
 * Drains what is queued with fresh worker processes. The clock runs from the first handler call
 * until the store reports that nothing is left.
 */
export async function drain(stage, { count, workers = 1, ...plan }) {
  const remotes = await Promise.all(Array.from({ length: workers }, () => stage.worker()));
  await stage.settle();
  const stopMeter = await stage.meter(remotes);
  await Promise.all(remotes.map((remote) => remote.call('start', ...stage.work(plan))));
  await reach(remotes, count);
  const drainedAt = await stage.drainedAt();
  const cpu = await stopMeter();
  const states = await Promise.all(remotes.map((remote) => remote.call('state')));
  await Promise.all(remotes.map((remote) => remote.end()));
  const firstAt = Math.min(...states.map((state) => state.firstAt ?? Infinity));
  const seconds = (drainedAt - firstAt) / 1_000;
  return { rate: count / seconds, seconds, firstAt, drainedAt, cpu, states };
}

async function reach(remotes, count) {
  const handled = remotes.length === 1 ? await one(remotes[0], count) : await all(remotes, count);
  if (handled < count) throw new Error(`only ${handled} of ${count} handlers were called`);
}

function one(remote, count) {
  return remote.call('reach', count, WITHIN_MS);
}

/** Several share the work, so none knows when it is done: they are asked. */
async function all(remotes, count) {
  for (let left = WITHIN_MS; ; left -= 20) {
    const states = await Promise.all(remotes.map((remote) => remote.call('state')));
    const handled = states.reduce((sum, state) => sum + state.handled, 0);
    if (handled >= count || left <= 0) return handled;
    await pause(20);
  }
}
