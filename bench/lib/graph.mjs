import { format, spread } from './numbers.mjs';
import { figuresOf } from './summary.mjs';

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 70;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 50;
const COLOURS = ['#0b6e4f', '#b5541b', '#4a5fb0'];

/** An SVG of the rate of each step of `drain-1m` against the jobs finished by its end. */
export function rateGraph({ runs, rows, run }) {
  const steps = rows.filter(({ key }) => /^rate\d+$/.test(key)).map(({ key }) => key);
  const names = [...new Set(runs.map(({ contestant }) => contestant))];
  const lines = names.map((name) => ({
    name,
    points: steps.map((key) => spread(figuresOf(runs, name, key))).filter(Boolean),
  }));
  const top = niceTop(Math.max(...lines.flatMap(({ points }) => points.map(({ max }) => max))));
  const x = (index) => LEFT + ((index + 1) / steps.length) * (WIDTH - LEFT - RIGHT);
  const y = (rate) => HEIGHT - BOTTOM - (rate / top) * (HEIGHT - TOP - BOTTOM);
  const jobs = 1_000_000 * run.scale;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    label(LEFT, TOP - 16, 'jobs per second, one worker, no-op handlers'),
    ...ticks(top).map((rate) => rateTick(rate, y(rate))),
    ...steps.map((_, index) => jobTick(format((jobs * (index + 1)) / steps.length), x(index))),
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, 'jobs finished', 'middle'),
    ...lines.map((line, index) => drawLine(line, { x, y, colour: COLOURS[index % 3] })),
    '</svg>',
    '',
  ].join('\n');
}

/** The medians as a line, the spread of the rounds as a band behind it. */
function drawLine({ name, points }, { x, y, colour }) {
  if (points.length === 0) return '';
  const place = (index, rate) => `${x(index).toFixed(1)},${y(rate).toFixed(1)}`;
  const upper = points.map(({ max }, index) => place(index, max));
  const lower = points.map(({ min }, index) => place(index, min)).reverse();
  const middle = points.map(({ median }, index) => place(index, median));
  const end = points.length - 1;
  return [
    `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour}" opacity="0.15"/>`,
    `<polyline points="${middle.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    label(x(end) + 8, y(points[end].median) + 4, name, 'start', colour),
  ].join('\n');
}

function rateTick(rate, at) {
  const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/>`;
  return `${line}\n${label(LEFT - 8, at + 4, format(rate), 'end')}`;
}

function jobTick(text, at) {
  return `<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" font-size="10" fill="#333">${text}</text>`;
}

function label(x, y, text, anchor = 'start', colour = '#333') {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${text}</text>`;
}

/** The next of 1, 2 or 5 times a power of ten. */
function niceTop(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= most);
}

function ticks(top) {
  return [0, 1, 2, 3, 4, 5].map((index) => (top * index) / 5);
}
