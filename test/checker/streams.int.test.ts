import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FINDING_CODES } from '../../src/checker/findings.js';
import { document, tableAfter } from '../docs/markdown.js';
import { createDatabase } from '../support/database.js';
import {
  check,
  dropPositionFence,
  dropVersionFence,
  ENQUEUED,
  failed,
  found,
  odd,
  started,
  succeeded,
  write,
  type Written,
} from './damage.js';
import { DAMAGE, LEGAL } from './damaged-streams.js';

let database: Awaited<ReturnType<typeof createDatabase>>;
let client: pg.Client;

beforeEach(async () => {
  database = await createDatabase();
  client = new pg.Client(database.config);
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

describe('a ledger that was written by hand', () => {
  it('has no finding but missing rows where every stream is legal', async () => {
    await write(client, LEGAL);
    const report = await check(client);
    expect(report.findings.filter(({ code }) => code !== 'dispatch-missing')).toEqual([]);
    expect(report.counts).toMatchObject({ jobs: LEGAL.length, transitions: LEGAL.flat().length });
    expect(report.states).toEqual({ succeeded: 5, canceled: 2, discarded: 1, retrying: 1 });
  });

  it.each(DAMAGE)('is found to be damaged: %s, %s', async (code, text, stream) => {
    await write(client, [LEGAL[0]!, stream, LEGAL[3]!]);
    const findings = (await found(client)).filter((one) => !one.startsWith('dispatch-missing'));
    expect(findings).toEqual([expect.stringMatching(text)]);
    expect(findings[0]).toMatch(new RegExp(`^${code} `));
  });

  it('is found to have one position twice', async () => {
    await dropPositionFence(client);
    await write(client, [[ENQUEUED, odd(started(1), { skip: -1 }), succeeded(1)]]);
    expect(await found(client)).toEqual(['position-gap position 1 is there twice']);
  });

  it('is found to have one version twice', async () => {
    await dropVersionFence(client);
    await write(client, [[ENQUEUED, started(1), succeeded(1), odd(failed(1), { version: 3 })]]);
    expect(await found(client)).toEqual(['version-gap version 3 follows 3']);
  });

  it('is found to have a stream in a partition that its id does not name', async () => {
    await write(client, [[odd(ENQUEUED, { partition: 5 })]]);
    expect(await found(client)).toEqual(['wrong-partition the id names partition 0']);
  });

  it('is found to have overtaken a job in line, and a priority within a claim', async () => {
    const urgent: Written = ['JobEnqueued', { ...ENQUEUED[1], priority: -1 }];
    await write(client, [[ENQUEUED], [ENQUEUED], [urgent]]);
    const start = (n: number, position: number) =>
      client.query(
        `insert into jobledger.events select partition, $1, stream_id, 2, 'AttemptStarted', 1, kind,
          queue, '{"attempt":1,"worker":1,"claim":1}', '{}', recorded_at + interval '1 hour'
          from jobledger.events where position = $2`,
        [position, n],
      );
    for (const [index, n] of [2, 1, 3].entries()) await start(n, 4 + index);
    const findings = (await found(client)).filter((one) => one.startsWith('overtaken'));
    expect(findings).toEqual([
      expect.stringMatching(/^overtaken stands at 1, starts after job \S+ at 2$/),
      'overtaken priority -1 starts after 0 in claim 1/1',
    ]);
  });

  it('is found to be undrained only where that is asked for', async () => {
    await write(client, [[ENQUEUED]]);
    await client.query(`insert into jobledger.inbox(kind) values ('k')`);
    expect(await found(client)).toEqual([expect.stringMatching(/^dispatch-missing/)]);
    expect(await found(client, { drained: true })).toEqual([
      expect.stringMatching(/^dispatch-missing/),
      'not-ended the job is available',
      'inbox-left inbox row 1 (enqueue) is there',
    ]);
  });

  it('tells no more findings than asked for, and counts them all', async () => {
    await write(client, [[started(1)], [started(1)], [started(1)]]);
    const report = await check(client, { maxFindings: 2 });
    expect([report.findings.length, report.found]).toEqual([2, 3]);
  });
});

it('docs/operations.md lists every code with its meaning', () => {
  const rows = tableAfter(document('docs/operations.md'), 'finding codes');
  const listed = rows.map(([code, meaning]) => [code!.replaceAll('`', ''), meaning]);
  expect(listed).toEqual(Object.entries(FINDING_CODES));
});
