import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../src/job/events.js';
import { EVENT_TYPES } from '../../src/job/events.js';
import { evolve } from '../../src/job/evolve.js';
import { IllegalEvent } from '../../src/job/illegal-event.js';
import { STATES } from '../../src/job/state.js';
import type { StateName } from '../../src/job/state.js';
import { commandTableMarkdown } from './command-table.js';
import { SAMPLE_EVENTS } from './sample-events.js';
import { SITUATIONS } from './situations.js';
import { recordedAs } from './stream.js';

const DOC = readFileSync(new URL('../../docs/state-machine.md', import.meta.url), 'utf8');

describe('docs/state-machine.md', () => {
  it('draws exactly the changes of state that evolve allows', () => {
    expect(drawn()).toEqual(allowed().changes);
  });

  it('lists exactly the events that leave a state as it is', () => {
    expect(listed()).toEqual(allowed().notes);
  });

  it('prints the table of commands that the tests hold', () => {
    const printed = /<!-- commands -->\s+([^]*?)\s+<!-- \/commands -->/.exec(DOC)?.[1] ?? '';
    expect(cells(printed)).toEqual(cells(commandTableMarkdown()));
  });
});

describe('the sample events', () => {
  it('cover every type', () => {
    expect(new Set(SAMPLE_EVENTS.map((event) => event.type))).toEqual(new Set(EVENT_TYPES));
  });
});

/** `from --> to : A, B` as `from A to`, one for each event. */
function drawn(): readonly string[] {
  const edges = [...DOC.matchAll(/^ {4}(\S+) --> (\S+) : (.+)$/gm)];
  return edges
    .flatMap(([, from, to, events = '']) => events.split(', ').map((event) => [from, event, to]))
    .filter(([, event]) => event !== 'due')
    .map((edge) => edge.join(' '))
    .sort();
}

function listed(): readonly string[] {
  const rows = [...DOC.matchAll(/^\| ([A-Z]\w+) +\| ([a-z, ]+?) +\|$/gm)];
  return rows
    .flatMap(([, event, states = '']) =>
      (states === 'every state' ? STATES : states.split(', ')).map((state) => `${state} ${event}`),
    )
    .sort();
}

/** Every sample event tried on every situation: what evolve accepts is allowed. */
function allowed(): { readonly changes: readonly string[]; readonly notes: readonly string[] } {
  const changes = new Set<string>();
  const notes = new Set<string>();
  for (const reach of Object.values(SITUATIONS)) {
    for (const event of SAMPLE_EVENTS) {
      const from = reach().state;
      const to = stateAfter(event, from?.version ?? 0, from);
      if (to === undefined) continue;
      const isNote = from !== undefined && from.state === to && event.type !== 'JobEnqueued';
      if (isNote) notes.add(`${from.state} ${event.type}`);
      else changes.add(`${drawnFrom(from?.state, event)} ${event.type} ${to}`);
    }
  }
  return { changes: [...changes].sort(), notes: [...notes].sort() };
}

/** What starts from a waiting state starts because it came due, and is drawn from available. */
function drawnFrom(state: StateName | undefined, event: NewEvent): string {
  if (state === undefined) return '[*]';
  return event.type === 'AttemptStarted' ? 'available' : state;
}

function stateAfter(
  event: NewEvent,
  version: number,
  from: Parameters<typeof evolve>[0],
): StateName | undefined {
  const at = { version: version + 1, position: 999, recordedAt: '2026-01-01T01:00:00.000000Z' };
  try {
    return evolve(from, recordedAs(event, at)).state;
  } catch (error) {
    if (error instanceof IllegalEvent) return undefined;
    throw error;
  }
}

/** The cells of a Markdown table, however it is padded. */
function cells(table: string): readonly (readonly string[])[] {
  const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  return rows.filter((row) => !row.some((cell) => /^-+$/.test(cell)));
}
