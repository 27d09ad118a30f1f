import { defineJob } from '../index.js';
import type { LockedPackage } from './lockfile.js';
import { objectOf } from './schema.js';

/** What an audit finds. */
export type PackageAudit = {
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 over the paths and SHA-256 sums of all files. */
  readonly digest: string;
  readonly licence: string | null;
  /** The largest file, with the package's name before its path. */
  readonly largestFile: string | null;
  readonly largestBytes: number;
};

/** Where the demo's jobs wait: apart from a user's own. */
export const DEMO_QUEUE = 'demo';

/**
 * The demo's job, as a producer knows it. The delays are short, so that the retries of a killed
 * worker's attempts can be watched.
 */
export const packageAudit = defineJob({
  kind: 'package.audit',
  queue: DEMO_QUEUE,
  payload: objectOf<LockedPackage>({
    path: 'string',
    name: 'string',
    version: 'string or null',
    optional: 'boolean',
    platform: 'string or null',
  }),
  result: objectOf<PackageAudit>({
    files: 'number',
    bytes: 'number',
    digest: 'string',
    licence: 'string or null',
    largestFile: 'string or null',
    largestBytes: 'number',
  }),
  maxAttempts: 4,
  retry: { type: 'exponential', baseMs: 600, capMs: 5_000, jitter: 'equal' },
  timeout: 120_000,
});
