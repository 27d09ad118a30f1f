import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NonRetryableError } from '../index.js';
import type { PackageAudit } from './audit-job.js';
import type { LockedPackage } from './lockfile.js';

/** How an audit is told to end, and tells how far it is. */
export interface AuditContext {
  readonly signal: AbortSignal;
  progress(fraction: number, note?: string): void;
}

/**
 * Reads an installed package: hashes every file of its own (not those of packages nested in it),
 * compares name and version with the lockfile, finds the licence. Throws a not-found error for a
 * package that is not there, and a validation error for one that is not what the lockfile says.
 */
export async function auditPackage(
  project: string,
  wanted: LockedPackage,
  context: AuditContext,
): Promise<PackageAudit> {
  const folder = join(project, wanted.path);
  const manifest = await readManifest(folder, wanted);
  compare(manifest, wanted);
  const files = await filesBelow(folder);
  const whole = createHash('sha256');
  let bytes = 0;
  let largest: Largest = { largestFile: null, largestBytes: 0 };
  for (const [index, file] of files.entries()) {
    context.signal.throwIfAborted();
    const hashed = await hashFile(join(folder, file), context.signal);
    whole.update(`${file}\0${hashed.digest}\n`);
    bytes += hashed.bytes;
    if (largest.largestFile === null || hashed.bytes > largest.largestBytes)
      largest = { largestFile: `${wanted.name}/${file}`, largestBytes: hashed.bytes };
    context.progress((index + 1) / files.length, file);
  }
  const licence = licenceIn(manifest, files);
  return { files: files.length, bytes, digest: whole.digest('hex'), licence, ...largest };
}

type Largest = Pick<PackageAudit, 'largestFile' | 'largestBytes'>;

type Manifest = Readonly<Record<string, unknown>>;

async function readManifest(folder: string, wanted: LockedPackage): Promise<Manifest> {
  await stat(folder).catch((cause: unknown) => {
    throw new Error(`${label(wanted)} is not installed: ${whyAbsent(wanted)}`, { cause });
  });
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  try {
    return Object(JSON.parse(text)) as Manifest;
  } catch (cause) {
    const message = `${label(wanted)}: package.json is not JSON`;
    throw new NonRetryableError(message, { category: 'validation', cause });
  }
}

function whyAbsent({ optional, platform }: LockedPackage): string {
  if (platform !== null) return `${optional ? 'optional, ' : ''}for ${platform}`;
  return optional ? 'optional' : 'npm ci would install it';
}

function compare(manifest: Manifest, wanted: LockedPackage): void {
  for (const field of ['name', 'version'] as const) {
    const expected = wanted[field];
    if (expected === null || manifest[field] === expected) continue;
    const found = JSON.stringify(manifest[field] ?? null);
    throw new NonRetryableError(
      `${label(wanted)}: installed ${field} is ${found}, the lockfile says ${JSON.stringify(expected)}`,
      { category: 'validation' },
    );
  }
}

function label({ name, version }: LockedPackage): string {
  return version === null ? name : `${name} ${version}`;
}

/** Regular files, sorted. Links are not followed: they may lead out of the package, or in circles. */
async function filesBelow(folder: string, prefix = ''): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = prefix + entry.name;
    if (entry.isFile()) files.push(path);
    if (entry.isDirectory() && !NOT_ITS_OWN.includes(entry.name)) {
      files.push(...(await filesBelow(folder, `${path}/`)));
    }
  }
  return files;
}

const NOT_ITS_OWN = ['node_modules', '.git', '.jobledger'];

/** Small files whole, since a stream costs more than they do; large ones never whole in memory. */
async function hashFile(
  path: string,
  signal: AbortSignal,
): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  const { size } = await stat(path);
  let bytes = 0;
  const add = (chunk: Buffer): void => {
    hash.update(chunk);
    bytes += chunk.length;
  };
  if (size <= CHUNK_BYTES) {
    add(await readFile(path));
  } else {
    const chunks = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
    for await (const chunk of chunks) add(chunk as Buffer);
  }
  return { digest: hash.digest('hex'), bytes };
}

const CHUNK_BYTES = 1024 * 1024;

/** As package.json says, today's way or the two older ones; else the file that looks like it. */
function licenceIn(manifest: Manifest, files: readonly string[]): string | null {
  const { license, licenses } = manifest;
  const named = [license, licenses].flat().flatMap((one) => nameOfLicence(one) ?? []);
  if (named.length > 0) return named.join(' OR ');
  const file = files.find((path) => /^(licen[cs]e|copying)\b[^/]*$/i.test(path));
  return file === undefined ? null : `see ${file}`;
}

function nameOfLicence(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null && 'type' in value ? value.type : value;
  return typeof name === 'string' && name.trim() !== '' ? name : undefined;
}
