import type { Projection } from 'jobledger';
import { attempts } from './attempts.ts';
import { failedJobs } from './failed-jobs.ts';
import { failureGroups } from './failure-groups.ts';
import { jobStates } from './job-states.ts';
import { jobs } from './jobs.ts';
import { retries } from './retries.ts';
import { throughput } from './throughput.ts';

/** The read models that are kept up to date, in the order in which they are. */
export const projections: readonly Projection[] = [
  jobs,
  jobStates,
  failedJobs,
  retries,
  attempts,
  throughput,
  failureGroups,
];
