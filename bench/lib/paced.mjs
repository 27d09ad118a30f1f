import { percentile } from './numbers.mjs';

/** How long after the last enqueue a job may still begin; later ones count as never begun. */
const GRACE_MS = 10_000;

/**
 * Enqueues at an even rate to an idle worker, first to warm up, then `measured`. `before` is called
 * in between. Gives per job (by its number) when it was called, answered, due and begun.
 */
export async function pacedRun(stage, { rate, seconds, warmSeconds, delayMs, before, options }) {
  const warm = Math.round(rate * warmSeconds);
  const count = Math.round(rate * seconds);
  const worker = await stage.worker();
  // More connections than it needs at this rate: a slow commit must not hold the others up.
  const producer = await stage.producer({ callers: 16 });
  await stage.settle();
  const record = { from: warm, count };
  await worker.call('start', ...stage.work({ record, options }));
  await producer.call('paced', { rate, seconds: warmSeconds, delayMs });
  await worker.call('reach', warm, GRACE_MS);
  await before?.();
  const stopMeter = await stage.meter([worker]);
  const sent = await producer.call('paced', { rate, seconds, delayMs, from: warm });
  await worker.call('reach', warm + count - sent.dropped, GRACE_MS);
  const cpu = await stopMeter();
  const starts = await worker.call('starts');
  await Promise.all([producer.end(), worker.end()]);
  return { ...sent, started: starts.at, startedWall: starts.wallAt, cpu };
}

/** Start minus answer, or minus call: milliseconds per job that began. */
export function pickups({ returned, called, started }, { fromCall = false } = {}) {
  const since = fromCall ? called : returned;
  return started.map((at, index) => at - since[index]);
}

/** Start minus due time, by the wall clock. */
export function latenesses({ due, startedWall }) {
  return startedWall.map((at, index) => at - due[index]);
}

/** The pickups of jobs called in each of so many even windows. */
export function windows(ran, { count, seconds }) {
  const width = (seconds * 1_000) / count;
  const all = pickups(ran);
  return Array.from({ length: count }, (_, window) =>
    all.filter((_, index) => Math.floor((ran.called[index] - ran.began) / width) === window),
  );
}

/** How many of the jobs began at all. */
export function countStarted({ started }) {
  return started.filter((at) => !Number.isNaN(at)).length;
}

/** The usual three. */
export function quantiles(numbers) {
  return [0.5, 0.95, 0.99].map((share) => percentile(numbers, share));
}
