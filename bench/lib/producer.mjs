import { setTimeout as pause } from 'node:timers/promises';
import { now, until, wallNow } from './clock.mjs';
import { payloads } from './payload.mjs';

/** More than this many unanswered enqueues are not added to: those that fall due are dropped. */
const MOST_IN_FLIGHT = 500;

/** The producer process: what the driver may ask of it. */
export function createRole(contestant) {
  let producer;
  return {
    async open(database, options) {
      producer = await contestant.openProducer(database, options);
    },
    stop: () => producer.close(),
    cpu: () => process.cpuUsage(),
    fill: (plan) => fill(producer, plan),
    single: (plan) => single(producer, plan),
    serial: (plan) => serial(producer, plan),
    paced: (plan) => paced(producer, plan),
  };
}

/** Enqueues `count` jobs in batches, so many batches in flight. */
async function fill(producer, { count, batch = 1_000, inFlight = 2, bytes, from = 0, runAt }) {
  const make = payloads(bytes);
  const latencies = [];
  let next = from;
  const began = now();
  const lane = async () => {
    while (next < from + count) {
      const size = Math.min(batch, from + count - next);
      const items = Array.from({ length: size }, (_, i) => make(next + i));
      next += size;
      const at = now();
      await producer.enqueueMany(items, runAt);
      latencies.push(now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { seconds: (now() - began) / 1_000, latencies };
}

/** So many callers, each with one enqueue after another, for a time; the warm-up does not count. */
async function single(producer, { callers, seconds, warmSeconds }) {
  const make = payloads();
  const latencies = [];
  let n = 0;
  let counts = false;
  let ends = Infinity;
  const caller = async () => {
    while (now() < ends) {
      const at = now();
      await producer.enqueue(make(n++));
      if (counts) latencies.push(now() - at);
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  await Promise.race([all, pause(warmSeconds * 1_000)]);
  counts = true;
  const began = now();
  ends = began + seconds * 1_000;
  await all;
  return { seconds: (now() - began) / 1_000, latencies };
}

/** One enqueue after another; gives how long each took. */
async function serial(producer, { count, from = 0 }) {
  const make = payloads();
  const latencies = [];
  for (let n = from; n < from + count; n += 1) {
    const at = now();
    await producer.enqueue(make(n));
    latencies.push(now() - at);
  }
  return latencies;
}

/**
 * Enqueues at an even rate whatever the answers take, as callers who know nothing of each other do.
 * Gives by `n - from` when each call was made and answered and, with `delayMs`, when it is due.
 */
async function paced(producer, { rate, seconds, delayMs, from = 0 }) {
  const make = payloads();
  const count = Math.round(rate * seconds);
  const called = new Float64Array(count).fill(NaN);
  const returned = new Float64Array(count).fill(NaN);
  const due = new Float64Array(count).fill(NaN);
  const pending = new Set();
  const enqueue = async (i) => {
    const runAt = delayMs === undefined ? undefined : new Date(Math.ceil(wallNow()) + delayMs);
    if (runAt) due[i] = runAt.getTime();
    called[i] = now();
    await producer.enqueue(make(from + i), runAt);
    returned[i] = now();
  };
  const began = now();
  let dropped = 0;
  for (let i = 0; i < count; i += 1) {
    await until(began + (i * 1_000) / rate);
    if (pending.size >= MOST_IN_FLIGHT) {
      dropped += 1;
      continue;
    }
    const one = enqueue(i).finally(() => pending.delete(one));
    pending.add(one);
  }
  await Promise.all(pending);
  return { began, called, returned, due, dropped };
}
