import { readFile } from 'node:fs/promises';
import { expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startChild, type TestProcess } from '../support/processes.js';
import { ask, lockHolders, open, serverPid, testSite } from './site.js';

test('two processes that start at once share one server', async () => {
  const folder = await testSite({ fresh: true });
  const [one, two] = [testChild(folder), testChild(folder)];
  const [first, second] = [await urlOf(one), await urlOf(two)];
  expect(first).toBe(second);
  await ask(first, 'create table ours(a int)');
  await expect(ask(second, 'table ours')).resolves.toEqual([]);
});

test('the last process to close stops the server', async () => {
  const folder = await testSite();
  const [one, two] = [testChild(folder), testChild(folder)];
  await Promise.all([urlOf(one), urlOf(two)]);
  const pid = await serverPid(folder);
  await closeChild(one);
  expect(await serverPid(folder)).toBe(pid);
  await closeChild(two);
  expect(await serverPid(folder)).toBeUndefined();
});

test('a server whose starter was killed is adopted, and stopped by its new user', async () => {
  const folder = await testSite();
  const starter = testChild(folder);
  await ask(await urlOf(starter), 'create table kept(a int)');
  const pid = await serverPid(folder);
  await starter.kill();
  expect(await serverPid(folder)).toBe(pid);
  const adopter = await open(folder);
  expect(await serverPid(folder)).toBe(pid);
  await expect(ask(adopter.url, 'table kept')).resolves.toEqual([]);
  await eventually(async () => (await lockHolders(adopter.url)) === 1); // the dead one's is released
  await adopter.close();
  expect(await serverPid(folder)).toBeUndefined();
});

test('processes that open and close without pause never meet an error', async () => {
  const folder = await testSite();
  const children = [1, 2, 3].map(() => testChild(folder, '8'));
  for (const child of children) {
    const { code } = await child.exit;
    expect(code, child.errorLines.join('\n')).toBe(0);
  }
  expect(await serverPid(folder)).toBeUndefined();
});

test.runIf(process.platform === 'linux')(
  'a server has a session of its own, which Ctrl-C does not reach',
  async () => {
    const folder = await testSite();
    const child = testChild(folder);
    await urlOf(child);
    expect(await sessionOf((await serverPid(folder)) ?? 0)).not.toBe(await sessionOf(child.pid));
  },
);

function testChild(folder: string, ...rounds: string[]): TestProcess {
  return startChild('embedded.mjs', { args: [folder, inject('postgresBin'), ...rounds] });
}

async function urlOf(child: TestProcess): Promise<string> {
  return (await child.waitForLine('open ')).slice('open '.length);
}

async function closeChild(child: TestProcess): Promise<void> {
  child.stdin.write('close\n');
  const { code } = await child.exit;
  expect(code, child.errorLines.join('\n')).toBe(0);
}

async function sessionOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
}
