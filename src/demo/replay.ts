import { duration } from '../human.js';
import type { RebuildProgress } from '../index.js';
import { count, cut, shortened, size } from './format.js';
import { heading, more, titled } from './lines.js';
import type { DemoModels, LicenceRow } from './read-models.js';
import type { Screen } from './screen.js';

/** How a read model was built anew. */
export interface Replay {
  readonly events: number;
  readonly eventsPerSecond: number;
}

const SHOWN_ROWS = 5;
const HOW = [
  'The events have had it all along. Version 2 is built beside version 1 from the first event on,',
  'then the view shows it in place of version 1; readers never see it half-built.',
];

/** Shows a read model, changes it, builds it anew from the log, and shows it again. */
export async function replay(screen: Screen, models: DemoModels): Promise<Replay> {
  heading(screen, 'A read model: a row per licence, folded from the events while the workers ran');
  await models.caughtUp();
  show(screen, await models.rows(), BEFORE);
  heading(screen, 'The same, changed: version 2 has the largest file of each licence, too');
  for (const line of HOW) screen.line(screen.dim(`  ${line}`));
  const begun = performance.now();
  const events = await models.rebuild((progress) => screen.progress(told(progress)));
  const ms = performance.now() - begun;
  screen.endProgress();
  const eventsPerSecond = Math.round((events / ms) * 1_000);
  const rate = `${eventsPerSecond.toLocaleString('en')} per second`;
  screen.line(
    `  ${screen.green('✓')} ${count(events, 'event')} in ${duration(ms)}, ${rate}; the view now:`,
  );
  show(screen, await models.rows(), AFTER);
  return { events, eventsPerSecond };
}

type Column = readonly [name: string, cell: (row: LicenceRow) => string];

const BEFORE: readonly Column[] = [
  ['licence', ({ licence }) => cut(licence, 24)],
  ['audits', ({ audits }) => audits.toLocaleString('en')],
  ['files', ({ files }) => files.toLocaleString('en')],
  ['bytes', ({ bytes }) => size(bytes)],
];

const AFTER: readonly Column[] = [
  ...BEFORE,
  [
    'largest file',
    ({ largest_file: file, largest_bytes: bytes }) =>
      file === undefined || file === null
        ? 'not known'
        : `${size(bytes ?? 0)}, ${shortened(file, 40)}`,
  ],
];

function show(screen: Screen, rows: readonly LicenceRow[], columns: readonly Column[]): void {
  const head = columns.map(([name]) => name);
  const shown = rows.slice(0, SHOWN_ROWS).map((row) => columns.map(([, cell]) => cell(row)));
  if (rows.length === 0) screen.line('  no rows: no audit has succeeded');
  else titled(screen, [head, ...shown]);
  more(screen, rows.length - SHOWN_ROWS);
}

function told({ events, of, eventsPerSecond: rate }: RebuildProgress) {
  const note = rate === null ? '' : `${Math.round(rate).toLocaleString('en')} per second`;
  return { done: events, total: of, unit: 'events', note };
}
