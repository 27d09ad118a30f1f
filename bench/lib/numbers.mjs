/** The value below which this share of the numbers lies (nearest rank); null if there are none. */
export function percentile(numbers, share) {
  const sorted = Float64Array.from(numbers)
    .filter((number) => !Number.isNaN(number))
    .sort();
  if (sorted.length === 0) return null;
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** The middle one, or the mean of the middle two; null if there are none. */
export function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  if (sorted.length === 0) return null;
  const middle = sorted.length / 2;
  if (!Number.isInteger(middle)) return sorted[Math.floor(middle)];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and most of those that were measured; null if none was. */
export function spread(numbers) {
  const measured = numbers.filter((number) => typeof number === 'number');
  if (measured.length === 0) return null;
  return { median: median(measured), min: Math.min(...measured), max: Math.max(...measured) };
}

/** A number for people: digits as asked for, thousands apart. */
export function format(number, digits = 0) {
  return number.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
