import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/** A fenced block of a document. */
export interface Block {
  readonly file: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** A document of this repository, by its path from the root. */
export function document(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The README and everything directly in docs/. */
export function documents(): readonly string[] {
  const names = readdirSync(fileURLToPath(new URL('docs/', ROOT)));
  return [
    'README.md',
    ...names.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ];
}

/** The fenced blocks of a document, in order. */
export function blocksOf(file: string, markdown = document(file)): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map((match) => ({
    file,
    line: markdown.slice(0, match.index).split('\n').length,
    language: match[1]!,
    text: match[2]!,
  }));
}

/** The part of a document under a heading of any level, up to the next heading of that level or above. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && /^#/.test(line));
  if (start === -1) throw new Error(`no heading "${heading}"`);
  const depth = /^#+/.exec(lines[start]!)![0].length;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => (/^(#+) /.exec(line)?.[1]?.length ?? 99) <= depth);
  return rest.slice(0, end === -1 ? undefined : end).join('\n');
}

/** The first table after a marker (`<!-- marker -->`), its head left out, each row by its cells. */
export function tableAfter(markdown: string, marker: string): readonly (readonly string[])[] {
  const at = markdown.indexOf(`<!-- ${marker} -->`);
  if (at === -1) throw new Error(`no marker "${marker}"`);
  const table = /(?:^\|.*\|$\n?)+/m.exec(markdown.slice(at))?.[0] ?? '';
  const rows = table.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .replaceAll('\\|', '\0')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\0', '|')),
  );
}
