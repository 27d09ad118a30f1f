import { readdir, rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { startChild, type TestProcess } from '../support/processes.js';

interface Running {
  readonly child: TestProcess;
  readonly folder: string;
  readonly server: number;
}

/** The benchmark's server with the process that started it; undefined where files are in memory. */
async function runServer(under: boolean): Promise<Running | undefined> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const child = startChild('bench-server.mjs', { args: [folder, ...(under ? ['under'] : [])] });
  const line = await child.waitForLine(/^ready \d+ \d+$/).catch((error: unknown) => {
    if (child.errorLines.some((text) => text.includes('is in memory'))) return undefined;
    throw error;
  });
  if (line === undefined) return undefined;
  const [driver = 0, server = 0] = line.split(' ').slice(1).map(Number);
  onTestFinished(() => {
    for (const pid of [driver, server]) if (isThere(pid)) process.kill(pid, 'SIGKILL');
  });
  expect(await readdir(folder)).toHaveLength(1);
  return { child, folder, server };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function nothingIsLeft({ folder, server }: Running): Promise<void> {
  await eventually(async () => expect(await readdir(folder)).toEqual([]), { timeoutMs: 20_000 });
  await eventually(() => !isThere(server));
}

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  'the benchmark takes its server and data along at %s',
  async ([signal, code], context) => {
    const running = await runServer(false);
    context.skip(running === undefined, 'temporary files are in memory here');
    // The second, as from npm and the terminal, must not stop the first.
    running!.child.signal(signal);
    running!.child.signal(signal);
    expect(await running!.child.exit).toEqual({ code, signal: null });
    await nothingIsLeft(running!);
  },
);

test('the benchmark takes its server and data along when the npm that started it is ended', async (context) => {
  const running = await runServer(true);
  context.skip(running === undefined, 'temporary files are in memory here');
  await running!.child.kill('SIGKILL');
  await nothingIsLeft(running!);
});
