import type { Command } from 'commander';
import type { AsOf, Ledger } from '../index.js';
import { namingFlags } from './flag-names.js';
import { badInput, type Parser } from './parse.js';
import { print } from './print.js';
import { dim, shorten } from './text.js';

/** The flag of commands that look at an earlier time. */
export interface AsOfFlag {
  readonly asOf?: AsOf;
}

/** Adds it. */
export function addAsOf(command: Command): Command {
  return command.option(
    '--as-of <time>',
    'as it was then: ISO 8601 with a zone, or so long ago: 10m',
    pastTime('--as-of'),
  );
}

const AGO = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** So long ago by the database's clock, or text for the library to judge. */
export function pastTime(field: string): Parser<AsOf> {
  return (text) => {
    const [, amount, unit] = AGO.exec(text.trim()) ?? [];
    if (amount !== undefined) return { agoMs: Number(amount) * UNITS[unit as keyof typeof UNITS] };
    if (/^\d{4}-/.test(text)) return text;
    const expected = 'ISO 8601 with a zone, or so long ago: 500ms, 30s, 10m, 2h, 1d';
    throw badInput(`${field}: expected ${expected}, got ${JSON.stringify(shorten(text, 40))}`);
  };
}

/** Which instant is meant, in the ledger's words; undefined for now. */
export async function instantOf(ledger: Ledger, { asOf }: AsOfFlag): Promise<string | undefined> {
  if (asOf === undefined) return undefined;
  try {
    return await ledger.instant(asOf);
  } catch (error) {
    throw namingFlags(error, { asOf: '--as-of', agoMs: '--as-of' });
  }
}

/** Says at which instant what follows was so. */
export async function sayInstant(at: string | undefined): Promise<void> {
  if (at !== undefined) await print(dim(`as of ${instantText(at)}`));
}

/** An instant with all its digits: two events may lie within one second. */
export function instantText(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, -1)} UTC`;
}
