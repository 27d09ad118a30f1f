import type { StateName } from '../index.js';

/** Text of a user's on one line, without anything that a terminal obeys. */
export function oneLine(text: string): string {
  return text
    .replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
    .replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
    .trim();
}

/** At most so many characters, the last one an ellipsis if any are missing. */
export function shorten(text: string, length: number): string {
  const line = oneLine(text);
  return line.length <= length ? line : `${line.slice(0, Math.max(0, length - 1))}…`;
}

/**
 * Aligned columns under a header; numbers to the right. A last column of words is cut to fit the
 * terminal; nothing else is: what is cut cannot be copied.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const right = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const lines = [header, ...rows].map((row) => row.map((cell) => oneLine(String(cell))));
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => width(line[column] ?? ''))),
  );
  const last = header.length - 1;
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + GAP.length, 0);
  const room = Math.max(SHORTEST, (process.stdout.columns || Infinity) - before);
  const printed = lines.map((line) =>
    line
      .map((cell, column) => {
        if (column === last && right[column] !== true) return shorten(cell, room);
        const pad = ' '.repeat((widths[column] ?? 0) - width(cell));
        return right[column] === true ? pad + cell : cell + pad;
      })
      .join(GAP)
      .trimEnd(),
  );
  return printed.map((line, index) => (index === 0 ? dim(line) : withState(line))).join('\n');
}

const GAP = '  ';
const SHORTEST = 20;

/** Names and values, one pair a line; pairs without a value are left out. */
export function pairs(entries: readonly (readonly [string, string | undefined])[]): string {
  const shown = entries.filter(
    (entry): entry is readonly [string, string] => entry[1] !== undefined,
  );
  const longest = Math.max(...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => `${dim(name.padEnd(longest))}  ${withState(oneLine(value))}`)
    .join('\n');
}

/** A time as people read it: UTC, to the second. */
export function time(iso: string | null | undefined): string {
  return iso === null || iso === undefined ? '' : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** `35 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  if (seconds < 3_600) return twoUnits(seconds, 60, 'min', 's');
  if (seconds < 86_400) return twoUnits(Math.round(seconds / 60), 60, 'h', 'min');
  return twoUnits(Math.round(seconds / 3_600), 24, 'd', 'h');
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** Dimmed where colours are shown: on a terminal, unless NO_COLOR or its like says no. */
export function dim(text: string): string {
  return painted(2, text);
}

export function bold(text: string): string {
  return painted(1, text);
}

function twoUnits(value: number, size: number, big: string, small: string): string {
  const rest = value % size;
  return `${Math.floor(value / size)} ${big}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

const COLOURS: { readonly [S in StateName]: number } = {
  scheduled: 36,
  available: 34,
  running: 35,
  retrying: 33,
  succeeded: 32,
  failed: 31,
  canceled: 90,
  discarded: 90,
};

/** Paints the first state's name in a line. */
function withState(line: string): string {
  return line.replace(
    /(?<![\w.-])(scheduled|available|running|retrying|succeeded|failed|canceled|discarded)(?![\w.-])/,
    (name) => painted(COLOURS[name as StateName], name),
  );
}

function painted(code: number, text: string): string {
  // Node looks at NO_COLOR, FORCE_COLOR and TERM itself.
  const colours = process.stdout.isTTY && process.stdout.hasColors();
  return colours ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function width(text: string): number {
  return Array.from(text).length;
}
