// Which fault comes when, by the seed alone.

/** Every kind once, then by weight. */
export function schedule(kinds, random, count) {
  const names = Object.keys(kinds);
  const weights = names.flatMap((name) => Array(kinds[name].weight).fill(name));
  const first = random.shuffled(names);
  return Array.from({ length: count }, (_, n) => ({
    name: first[n] ?? random.pick(weights),
    gapMs: random.whole(100, 1_800),
  }));
}
