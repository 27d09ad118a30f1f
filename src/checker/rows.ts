/** Runs one statement and gives its rows; every column that is asked for is text or null. */
export type Ask = (text: string) => Promise<readonly Row[]>;

/** A row whose columns are all text. */
export type Row = { readonly [column: string]: string | null };

const PAGE = 2_000;
let cursors = 0;

/** The rows of a query, a page at a time, through a cursor of the surrounding transaction. */
export async function* rowsOf(ask: Ask, text: string): AsyncGenerator<Row> {
  cursors += 1;
  const cursor = `jobledger_check_${cursors}`;
  await ask(`declare ${cursor} no scroll cursor for ${text}`);
  for (let rows: readonly Row[]; ;) {
    rows = await ask(`fetch ${PAGE} from ${cursor}`);
    yield* rows;
    if (rows.length < PAGE) break;
  }
  await ask(`close ${cursor}`);
}

/** A name as SQL takes it, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A timestamp as text that sorts by time: UTC, with microseconds. */
export function timeText(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
