import { plain, table } from './format.js';
import type { Screen } from './screen.js';

/** The title of a part of the story. */
export function heading(screen: Screen, text: string): void {
  screen.line();
  screen.line(screen.bold(plain(text)));
}

/** Aligned rows. */
export function rows(screen: Screen, cells: readonly (readonly string[])[]): void {
  for (const line of table(cells)) screen.line(`  ${line}`);
}

/** Aligned rows, the first of which names the columns. */
export function titled(screen: Screen, cells: readonly (readonly string[])[]): void {
  const [head = '', ...lines] = table(cells);
  screen.line(screen.dim(`  ${head}`));
  for (const line of lines) screen.line(`  ${line}`);
}

/** How much is not shown. */
export function more(screen: Screen, hidden: number): void {
  if (hidden > 0) screen.line(screen.dim(`  and ${hidden} more`));
}
