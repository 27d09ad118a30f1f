import { describe, expect, it } from 'vitest';
import { ATTRIBUTES, OUTCOMES, SPANS } from '../../src/telemetry.js';
import { INSTALL } from '../../src/otel/packages.js';
import { document, tableAfter } from './markdown.js';

const DOC = document('docs/traces.md');

/** What the tables of docs/traces.md say, made from the names that the code uses. */
const TABLES = {
  spans: Object.values(SPANS).map(({ name, kind, meaning }) => [`\`${name}\``, kind, meaning]),
  outcomes: Object.entries(OUTCOMES).map(([name, meaning]) => [`\`${name}\``, meaning]),
  attributes: Object.values(ATTRIBUTES).map(({ name, on, type, meaning }) => [
    ...[`\`${name}\``, on.join(', '), type, meaning],
  ]),
};

describe('docs/traces.md', () => {
  it.each(Object.entries(TABLES))('has the table of %s that telemetry.ts says', (name, rows) => {
    const said = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
    expect(tableAfter(DOC, name), `the table is to be:\n${said}`).toEqual(rows);
  });

  it('installs what the command asks for', () => {
    expect(DOC).toContain(INSTALL);
  });
});
