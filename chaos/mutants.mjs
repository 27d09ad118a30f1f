// The fences of the ledger, each with a way to take it out and a scenario in which it is needed. A
// scenario is played whole, then without the fence; where another fence backs it up, that one is taken
// out as well, and alone, so that the difference is this fence's.
import { mutate } from './program.mjs';
import {
  lateOutcome,
  lossBesideAppend,
  rolledBackEnqueue,
  twoCommandsAtOnce,
  twoReapersAtOnce,
} from './scenarios.mjs';

/** `unique (stream_id, version)`: what a decision on a stale version runs into. */
const versionConstraint = {
  harm: ({ ask, partitions }) =>
    Promise.all(
      Array.from({ length: partitions }, (_, n) =>
        ask(`drop index jobledger.events_${n}_stream_id_version_idx;
          create index on jobledger.events_${n}(stream_id, version)`),
      ),
    ),
};
/** `primary key (partition, position)`. */
const positionKey = {
  harm: ({ ask }) =>
    ask(`alter table jobledger.events drop constraint events_pkey;
      create index on jobledger.events(partition, position)`),
};
/** What ends attempts: one statement for successes, one for all other endings. */
const ENDINGS = ['ledger/outcome/succeed-statement.js', 'ledger/outcome/finish-statement.js'];
const leaseCheckAtFinish = {
  patch: (program) =>
    ENDINGS.forEach((path) => {
      mutate(program, path, /\bl\.worker = \$\d+ and /, '');
      mutate(program, path, /\bl\.claim = [\w.]+ and /, '');
      mutate(program, path, / and l\.attempt = [\w.]+/, '');
    }),
};
/** Whether the worker lives, which every ending asks beside the lease. */
const aliveCheckAtFinish = {
  patch: (program) =>
    ENDINGS.forEach((path) =>
      mutate(program, path, /offset 0\) l\s+where exists \(select from alive\)/, 'offset 0) l'),
    ),
};
const inboxInCallersTransaction = {
  patch: (program) =>
    mutate(
      program,
      'ledger/inbox/inbox.js',
      /const run = runnerOf\(transaction\);/,
      'const run = async (text, values) => (await store.database.pool.query(text, values)).rows;',
    ),
};
/** The partition's lock, which the reaper takes where every decided event is appended. */
const reapersLock = {
  patch: (program) =>
    mutate(
      program,
      'ledger/outcome/execute.js',
      /lockPartition\(store, partition\),/,
      `{ text: 'select', values: [] },`,
    ),
};
/** One leader at a time: every worker thinks that it leads. */
const reapersLead = {
  patch: (program) =>
    mutate(
      program,
      'worker/maintenance/leadership.js',
      /return result\.rows\.length > 0;/,
      'return true;',
    ),
};

/** By name: the scenario, and which fences are out in each performance of it. */
export const MUTANTS = {
  'the version constraint': {
    scenario: twoCommandsAtOnce,
    performances: { whole: [], without: [versionConstraint] },
  },
  'the lease check at finish': {
    scenario: lateOutcome,
    performances: {
      whole: [],
      'without it, backed': [leaseCheckAtFinish],
      'without its back': [aliveCheckAtFinish],
      without: [leaseCheckAtFinish, aliveCheckAtFinish],
    },
  },
  'the atomicity of the inbox': {
    scenario: rolledBackEnqueue,
    performances: { whole: [], without: [inboxInCallersTransaction] },
  },
  'the lock of the reaper': {
    scenario: lossBesideAppend,
    performances: {
      whole: [],
      'without it, backed': [reapersLock],
      'without its back': [positionKey],
      without: [reapersLock, positionKey],
    },
  },
  'the lead of the reaper': {
    scenario: twoReapersAtOnce,
    performances: {
      whole: [],
      'without it, backed': [reapersLead],
      'without its back': [versionConstraint],
      without: [reapersLead, versionConstraint],
    },
  },
};
