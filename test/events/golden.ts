import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { RecordedEvent } from '../../src/job/events.js';
import type { EventRow } from '../../src/ledger/read.js';

/** An event as some program stored it, and what it reads as today. */
export interface Golden {
  /** Its type and schema version, `JobRescheduled.1`. */
  readonly name: string;
  readonly stored: EventRow;
  readonly reads: RecordedEvent;
}

/** The golden files beside this one. */
export function goldenEvents(): readonly Golden[] {
  const files = readdirSync(new URL('.', import.meta.url)).filter((one) => one.endsWith('.json'));
  return files.map((file) => {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8');
    return { name: file.slice(0, -'.json'.length), ...(JSON.parse(text) as Omit<Golden, 'name'>) };
  });
}

/** A digest of a stored event, the same however its file is laid out. */
export function digestOf(stored: EventRow): string {
  return createHash('sha256').update(JSON.stringify(stored)).digest('hex').slice(0, 16);
}
