// From runs to what is printed: medians, spreads, ratios. Works on what `--json` gives, so that
// the tables of a run and those of RESULTS.md are made by the same lines.
import { spread } from './numbers.mjs';

/** The table of a part: per row and contestant a spread, per peer the spread of our ratio to it. */
export function summarise({ rows, runs }) {
  const contestants = [...new Set(runs.map(({ contestant }) => contestant))];
  const peers = contestants.filter((name) => name !== 'jobledger');
  const ours = contestants.includes('jobledger');
  return {
    contestants,
    peers: ours ? peers : [],
    rows: rows.map((row) => ({
      ...row,
      figures: contestants.map((name) => spread(figuresOf(runs, name, row.key))),
      ratios: ours && !row.plain ? peers.map((name) => ratio(runs, row.key, [name])) : [],
    })),
  };
}

/** Figures of a contestant, one per run. */
export function figuresOf(runs, contestant, key) {
  return runs.filter((run) => run.contestant === contestant).map((run) => run.figures?.[key]);
}

/**
 * Our figure divided by the better one of these peers, round by round: what disturbs a round
 * disturbs both. `higher` says which figure is the better one.
 */
export function ratio(runs, key, peers, { higher = true } = {}) {
  const rounds = [...new Set(runs.map((run) => run.round))];
  return spread(
    rounds.map((round) => {
      const of = (name) =>
        runs.find((run) => run.round === round && run.contestant === name)?.figures?.[key];
      const theirs = peers.map(of).filter((value) => typeof value === 'number');
      const ours = of('jobledger');
      if (typeof ours !== 'number' || theirs.length < peers.length) return undefined;
      const best = higher ? Math.max(...theirs) : Math.min(...theirs);
      // A job may begin before its enqueue is answered: nothing is so many times less than nothing.
      return best > 0 ? ours / best : undefined;
    }),
  );
}
