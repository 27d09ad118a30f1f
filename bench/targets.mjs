// What we want to see, one line per promise. `figure` names a row of the part. Without `against`
// it is our own figure that is bounded; with it, our figure divided by that peer's of the same
// round; `best` is whichever peer was the better one in that round.
import { spread, format } from './lib/numbers.mjs';
import { figuresOf, ratio } from './lib/summary.mjs';

const BEST = ['graphile-worker', 'pg-boss'];
const FASTEST = ['graphile-worker'];

/** Every target, in the order of the parts. */
export const TARGETS = [
  { part: 'single', figure: 'rate16', against: BEST, atLeast: 5 },
  { part: 'single', figure: 'rate1', against: BEST, atLeast: 1 },
  { part: 'bulk', figure: 'rate1', against: BEST, atLeast: 1.2 },
  { part: 'bulk', figure: 'rate2', against: BEST, atLeast: 1.2 },
  { part: 'drain', figure: 'rate', against: FASTEST, atLeast: 1.3 },
  { part: 'drain-1m', figure: 'rate', against: FASTEST, atLeast: 1.8 },
  { part: 'drain-1m', figure: 'lastToFirst', atLeast: 0.9 },
  { part: 'drain-1m', figure: 'afterToBefore', atLeast: 0.9 },
  { part: 'drain-1m', figure: 'memoryGrowth', atMost: 1.1 },
  { part: 'pickup', figure: 'p50', against: FASTEST, atMost: 1.2 },
  { part: 'pickup', figure: 'p99', against: FASTEST, atMost: 1 },
  { part: 'snapshot', figure: 'growth', atMost: 1.5 },
  // Per job: a peer that does not follow would else win by doing less.
  { part: 'sustained', figure: 'cost', against: FASTEST, atMost: 1 },
  { part: 'durable', figure: 'p99', atMost: 5 },
  { part: 'durable', figure: 'busyP99', atMost: 5 },
  { part: 'lateness', figure: 'earliest', atLeast: 0 },
  { part: 'lateness', figure: 'instantP99', atMost: 250 },
  { part: 'lateness', figure: 'pacedP99', atMost: 250 },
  { part: 'recover', figure: 'seconds', atMost: 25 },
  { part: 'workers', figure: 'twoToOne', atLeast: 1 },
  { part: 'workers', figure: 'fourToOne', atLeast: 1 },
  { part: 'real', figure: 'sleepRate', against: BEST, atLeast: 0.9 },
  { part: 'real', figure: 'largeRate', against: BEST, atLeast: 0.9 },
  { part: 'replay', figure: 'live', atLeast: 40_000 },
  { part: 'replay', figure: 'rebuild', atLeast: 150_000 },
  { part: 'replay', figure: 'rebuildToRead', atLeast: 0.5 },
  { part: 'replay', figure: 'liveRss', atMost: 300 },
  { part: 'replay', figure: 'rebuildRss', atMost: 300 },
  { part: 'replay', figure: 'allRss', atMost: 300 },
  { part: 'replay', figure: 'list', atMost: 200 },
  { part: 'replay', figure: 'stats', atMost: 200 },
  { part: 'replay', figure: 'get', atMost: 20 },
  { part: 'replay', figure: 'besideToAlone', atLeast: 0.75 },
  { part: 'kafka', figure: 'relayToRaw', atLeast: 0.8 },
  { part: 'kafka', figure: 'replayToRaw', atLeast: 0.6 },
  { part: 'kafka', figure: 'besideToAlone', atLeast: 0.8 },
];

/** Each target of a part with its verdict: `met`, `missed`, or `not measured`. */
export function judge({ name, rows, runs }) {
  return TARGETS.filter((target) => target.part === name).map((target) => {
    const title = rows.find((row) => row.key === target.figure).title;
    const measured = measure(target, runs);
    const line = `${title}: ${text(target)}${found(measured)}`;
    return { ...target, measured, verdict: verdict(target, measured), text: line };
  });
}

function measure({ figure, against, atLeast }, runs) {
  if (against) return ratio(runs, figure, against, { higher: atLeast !== undefined });
  return spread(figuresOf(runs, 'jobledger', figure));
}

function verdict({ atLeast = -Infinity, atMost = Infinity }, measured) {
  if (!measured) return 'not measured';
  return measured.median >= atLeast && measured.median <= atMost ? 'met' : 'missed';
}

function text({ against, atLeast, atMost }) {
  const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  if (!against) return bound;
  return `${bound} × ${against.length > 1 ? 'the better peer' : against[0]}`;
}

function found(measured) {
  if (!measured) return '';
  const { median, min, max } = measured;
  const range = min === max ? '' : ` (${format(min, 2)}–${format(max, 2)})`;
  return `, is ${format(median, 2)}${range}`;
}
