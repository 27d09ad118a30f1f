// What happened, outside the database: append-only files of whole lines, one per process. A line is
// handed to the operating system before the call returns, so a killed process loses none.
import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Opens a process's own file for appending; gives the function that appends a line. */
export function recorder(folder, name) {
  const file = openSync(join(folder, `${name}.ndjson`), 'a');
  return (what, fields) => void writeSync(file, `${JSON.stringify({ what, ...fields })}\n`);
}

/** All lines of all processes, by what they tell. */
export function readRecords(folder) {
  const records = new Map();
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const record = JSON.parse(line);
      const list = records.get(record.what) ?? [];
      records.set(record.what, list);
      list.push(record);
    }
  }
  return (what) => records.get(what) ?? [];
}
