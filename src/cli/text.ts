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
  number: (value: number) => string = String,
): string {
  const right = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const lines = [header, ...rows].map((row) =>
    row.map((cell) => (typeof cell === 'number' ? number(cell) : oneLine(cell))),
  );
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

/** A count with its noun: `1 job`, `2,310 jobs`. */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${grouped(amount)} ${amount === 1 ? one : many}`;
}

/** A number with its thousands apart: `1,234,567`. */
export function grouped(amount: number): string {
  return amount.toLocaleString('en');
}

/** Dimmed where colours are shown: on a terminal, unless NO_COLOR or its like says no. */
export function dim(text: string): string {
  return painted(2, text);
}

export function bold(text: string): string {
  return painted(1, text);
}

/** In the colour of a state. */
export function inColour(state: StateName, text: string): string {
  return painted(COLOURS[state], text);
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
