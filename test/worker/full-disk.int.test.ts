import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { serverIdentity } from '../../src/embedded/identity.js';
import { isLedgerError } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { onServer, withDatabase } from '../support/postgres.js';
import { startPostgres } from '../support/throwaway.js';
import { inState, job, openSite, QUICK, signal } from './site.js';

const run = promisify(execFile);
const MEGABYTE = 1024 * 1024;

/** A disk of a few megabytes, in memory; undefined where this process may not mount one. */
async function smallDisk(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const options = ['-t', 'tmpfs', '-o', 'size=48m', 'none', folder];
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
  const disk = await smallDisk();
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
