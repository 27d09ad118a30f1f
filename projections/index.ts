import type { Projection } from 'jobledger';
import { jobStates } from './job-states.ts';
import { jobs } from './jobs.ts';

/** The read models that are kept up to date, in the order in which they are. */
export const projections: readonly Projection[] = [jobs, jobStates];
