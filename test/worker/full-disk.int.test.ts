import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, open, readFile, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { serverIdentity } from '../../src/embedded/identity.js';
import { isLedgerError } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { onServer, withDatabase } from '../support/postgres.js';
import { startPostgres, type ThrowawayPostgres } from '../support/throwaway.js';
import { inState, job, openSite, QUICK, signal } from './site.js';

const run = promisify(execFile);
const MEGABYTE = 1024 * 1024;

/** A disk of a few megabytes, in memory; undefined where this process may not mount one. */
async function smallDisk(megabytes: number): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', folder];
  const mounted = await run('mount', options).catch(() => undefined);
  if (mounted === undefined) return undefined;
  onTestFinished(async () => void (await run('umount', ['--lazy', folder])));
  const identity = await serverIdentity();
  if (identity) await chown(folder, identity.uid, identity.gid);
  return folder;
}

/** Takes all room that the disk has left; gives a function that frees it. */
async function fill(disk: string): Promise<() => Promise<void>> {
  const ballast = join(disk, 'ballast');
  const file = await open(ballast, 'w');
  try {
    for (let size = MEGABYTE; size >= 1;) {
      const wrote = await file.write(Buffer.alloc(size)).catch(() => undefined);
      if (wrote?.bytesWritten !== size) size = Math.floor(size / 4);
    }
  } finally {
    await file.close();
  }
  expect((await stat(ballast)).size).toBeGreaterThan(MEGABYTE);
  return () => rm(ballast);
}

test('with the disk of Postgres full, enqueue says so, and workers go on once there is room', async (context) => {
  const disk = await smallDisk(48);
  context.skip(disk === undefined, 'this process may not mount a disk');
  const server = await startPostgres();
  // Data alone: without room for its log Postgres ends, which is another test's outage.
  await onServer(server.url, `create tablespace small location '${disk}'`);
  await onServer(server.url, 'create database small tablespace small');
  const site = await openSite({
    url: withDatabase(server.url, 'small'),
    partitions: 2,
    ledger: { enqueueTimeoutMs: 1_000 },
  });
  const go = signal();
  let began = 0;
  const text = (bytes: number) => randomBytes(bytes / 2).toString('hex');
  const held = job('held', async () => {
    began++;
    await go.promise;
    return text(50_000);
  });
  await site.start({ jobs: [held], concurrency: 20 });
  const first = await Promise.all(
    Array.from({ length: 20 }, () => site.ledger.enqueue(held, 1, { maxAttempts: 1 })),
  );
  await eventually(() => began === 20);

  const free = await fill(disk!);
  const accepted: string[] = [];
  const refusal = await eventually(async () => {
    try {
      accepted.push((await site.ledger.enqueue(held, text(100_000))).id);
      return false;
    } catch (error) {
      return error;
    }
  });
  expect(isLedgerError(refusal, 'STORE_FULL')).toBe(true);
  expect(refusal).toMatchObject({
    ...{ answer: 'unreachable', jobId: expect.any(String) },
    message: expect.stringMatching(/^enqueue: database: the disk is full \(job id \S+\)$/),
  });
  go.resolve();
  const until = performance.now() + QUICK.leaseMs * 2;
  await eventually(() => performance.now() > until);
  expect((await site.ledger.stats()).states.succeeded).toBeLessThan(20);

  await free();
  for (const { id } of first) {
    expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 1, version: 3 });
  }
  for (const id of accepted) await inState(site.ledger, id, 'succeeded');
  const later = await site.ledger.enqueue(held, 2);
  await inState(site.ledger, later.id, 'succeeded');
}, 90_000);

/** The server's log, and nothing else of it, stands on the disk from its next start on. */
async function moveLog({ dataFolder }: ThrowawayPostgres, disk: string): Promise<void> {
  const [from, to] = [join(dataFolder, 'pg_wal'), join(disk, 'pg_wal')];
  await run('cp', ['-a', from, to]);
  await rm(from, { recursive: true });
  await symlink(to, from);
}

test('with no room for the log Postgres ends, and what was accepted is there once there is room', async (context) => {
  // Three segments of the log, and room for what a new server needs.
  const disk = await smallDisk(64);
  context.skip(disk === undefined, 'this process may not mount a disk');
  const settings = ['max_wal_size=32MB', 'min_wal_size=32MB'];
  const server = await startPostgres({ settings });
  await server.stop();
  await moveLog(server, disk!);
  await server.start();
  const site = await openSite({
    ...{ url: server.url, partitions: 2 },
    ledger: { enqueueTimeoutMs: 2_000 },
  });
  const go = signal();
  let began = 0;
  const held = job('held', async () => {
    began++;
    await go.promise;
  });
  await site.start({ jobs: [held], concurrency: 10 });
  const first = await Promise.all(Array.from({ length: 10 }, () => site.ledger.enqueue(held, 1)));
  await eventually(() => began === 10);

  const free = await fill(disk!);
  const accepted: string[] = [];
  const text = randomBytes(50_000).toString('hex');
  const refusal = await eventually(
    async () => {
      try {
        accepted.push((await site.ledger.enqueue(held, text)).id);
        return false;
      } catch (error) {
        return error;
      }
    },
    { everyMs: 0, timeoutMs: 60_000 },
  );
  expect(refusal).toMatchObject({
    ...{ code: expect.stringMatching(/^STORE_/), answer: 'unreachable' },
    message: expect.stringMatching(/^enqueue: database: [^\n]* \(job id \S+\)$/),
  });
  const said = await readFile(join(dirname(server.dataFolder), 'postgres.log'), 'utf8');
  expect(said).toMatch(/PANIC: .*pg_wal.*No space left on device/);
  await eventually(() => site.logged.some(({ code }) => code === 'STORE_AWAY'));
  go.resolve();
  const until = performance.now() + QUICK.leaseMs * 2;
  await eventually(() => performance.now() > until);

  await free();
  await server.start();
  for (const { id } of first)
    expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 1, version: 3 });
  for (const id of accepted) await inState(site.ledger, id, 'succeeded');
  const dead = await site.sql('select from jobledger.workers where dead_at is not null');
  expect(dead).toEqual([]);
}, 150_000);
