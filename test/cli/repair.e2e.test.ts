import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { cliOn, errorOf, expectRefused } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { openSite } from '../worker/site.js';

/** A stopped ledger that lacks one of its dispatch rows. */
async function damaged() {
  const site = await openSite({ verify: false });
  const { id } = await site.ledger.enqueue('some', {});
  await site.ledger.enqueue('some', {});
  await site.sql('delete from jobledger.ready where job_id = $1', [id]);
  const rows = () => site.sql('select from jobledger.ready');
  const cli = cliOn(site.url);
  const run = (args: readonly string[]) => cli.run(args);
  const json = (args: readonly string[]) => cli.json(args);
  return { ...site, id, rows, run, json };
}

it('shows what it would change and ends with 1 unless it may', async () => {
  const { id, run, rows } = await damaged();
  const expected = [
    expect.stringMatching(/^table +to add +to change +to remove$/),
    expect.stringMatching(/^ready +1 +0 +0$/),
    expect.stringMatching(
      new RegExp(`^add ready, partition \\d+, job ${id}: the job is available by the log$`),
    ),
    '1 change to make',
  ];
  expect(await run(['repair', 'dispatch', '--dry-run'])).toEqual({
    ...{ code: 1, lines: expected, errorLines: [] },
  });
  expect(await run(['repair', 'dispatch'])).toEqual({
    ...{ code: 1, lines: expected },
    errorLines: ['jobledger: nothing was changed: --yes makes these changes'],
  });
  expect(await rows()).toHaveLength(1);
}, 60_000);

it('repairs with --yes, verifies, and then has nothing to do', async () => {
  const { run, rows, json, sql } = await damaged();
  const { code, lines } = await run(['repair', 'dispatch', '--yes']);
  expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: '1 change made; verified' });
  expect(await rows()).toHaveLength(2);
  expect(await run(['repair', 'dispatch'])).toEqual({
    ...{ code: 0, lines: ['nothing to repair'], errorLines: [] },
  });
  await sql('truncate jobledger.ready');
  expect(await json(['repair', 'dispatch', '--dry-run'])).toMatchObject({
    ...{ dryRun: true, changes: 2, tables: { ready: { add: 2 } }, verification: null },
  });
  expect(await json(['repair', 'dispatch', '--yes'])).toMatchObject({
    ...{ dryRun: false, changes: 2, left: [], verification: { verified: true } },
  });
}, 60_000);

it('is refused in one line while a worker lives, and for what cannot be meant', async () => {
  const { run, sql } = await damaged();
  await sql(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms) values ('host', 7, '1', '{}', '{}', 60000)`,
  );
  const line = expectRefused(await run(['repair', 'dispatch', '--yes']), 1);
  expect(line).toMatch(/^jobledger: worker 1 \(process 7 on host\) beat \d+ s ago: stop all/);
  const json = await run(['repair', 'dispatch', '--json']);
  expect(errorOf(json)).toMatchObject({ code: 'LEDGER_RUNNING' });
  const both = expectRefused(await run(['repair', 'dispatch', '--yes', '--dry-run']));
  expect(both).toBe('jobledger: --dry-run, --yes: expected one of them, not both');
  expect(expectRefused(await run(['repair', 'all']))).toMatch(/'all' is invalid.*dispatch/);
  expect(expectRefused(await run(['repair']))).toMatch(/missing required argument/);
}, 60_000);

const SCRIPT = '/usr/bin/script';
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

it.skipIf(!existsSync(SCRIPT))(
  'asks on a terminal, and does what it is told',
  async () => {
    const { url, rows } = await damaged();
    expect(await onTerminal(url, 'n')).toBe(1);
    expect(await rows()).toHaveLength(1);
    expect(await onTerminal(url, 'y')).toBe(0);
    expect(await rows()).toHaveLength(2);
  },
  60_000,
);

/** Answers the question on a terminal of its own; gives the exit code. */
async function onTerminal(url: string, answer: string): Promise<number | null> {
  const command = `${process.execPath} ${CLI} repair dispatch --database '${url}'`;
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill());
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  await eventually(() => expect(shown).toContain('Make 1 change? [y/N]'), { timeoutMs: 20_000 });
  child.stdin.write(`${answer}\n`);
  return ended;
}
