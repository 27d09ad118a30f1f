import { format } from './numbers.mjs';

/** A summary as lines of cells, the first line the heads. */
export function cells({ contestants, peers, rows }) {
  const head = ['', ...contestants, ...peers.map((peer) => `÷ ${peer}`)];
  const lines = rows.map(({ title, digits, figures, ratios }) => [
    title,
    ...figures.map((figure) => spreadText(figure, digits)),
    ...peers.map((_, index) => spreadText(ratios[index], 2)),
  ]);
  return [head, ...lines];
}

/** Cells as text in columns. */
export function textTable(lines) {
  const widths = lines[0].map((_, column) =>
    Math.max(...lines.map((line) => [...line[column]].length)),
  );
  return lines
    .map((line) => line.map((cell, column) => pad(cell, widths[column], column > 0)).join('  '))
    .join('\n');
}

/** Cells as a Markdown table; figures, from the second column on unless told, go to the right. */
export function markdownTable([head, ...lines], { texts = 1 } = {}) {
  const rule = head.map((_, column) => (column < texts ? '---' : '--:'));
  return [head, rule, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function spreadText(figure, digits) {
  if (!figure) return '–';
  const { median, min, max } = figure;
  const middle = format(median, digits);
  return min === max ? middle : `${middle} (${format(min, digits)}–${format(max, digits)})`;
}

function pad(text, width, right) {
  const space = ' '.repeat(width - [...text].length);
  return right ? space + text : text + space;
}
