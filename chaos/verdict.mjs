// The verdict over a drained run: the checker's findings, and what the records say that were kept
// outside of the database. Every rule is a name, how often it was held, and what broke it.
import { KINDS } from './kinds.mjs';
import { load } from './program.mjs';
import { readFacts, tally } from './facts.mjs';
import { RULES } from './rules.mjs';

/** Judges a run whose workers have nothing left to do; `more` are checks of the suite's own. */
export async function judge(scene, { left, records }, more = async () => []) {
  const stuck = await stuckSessions(scene);
  const codes = await scene.crew.dismissAll('SIGTERM');
  const report = await check(scene, { drained: true });
  const facts = await readFacts(scene);
  const checks = [
    {
      name: 'the checker has no finding',
      held: report.counts.transitions,
      broken: report.findings.map(lineOf),
    },
    {
      name: 'everything drains within five minutes',
      held: 1,
      broken: left,
    },
    {
      name: 'no session of ours stays in a transaction or keeps a lock',
      held: 1,
      broken: stuck,
    },
    {
      name: 'no process ends by itself, or badly after SIGTERM',
      held: codes.length,
      broken: scene.crew.unordered,
    },
    ...RULES.map(({ name, hold }) => ({ name, ...hold({ facts, records, kinds: KINDS }) })),
    ...(await more()),
  ];
  const problems = checks.flatMap(({ name, broken }) => broken.map((text) => `${name}: ${text}`));
  const marks = marksOf(facts, records);
  return {
    ...summaryOf(facts),
    marks,
    counts: report.counts,
    checks: checks.map(count),
    problems,
  };
}

/** Workers still run, but have nothing left to do: whatever is open was left open by a fault. */
async function stuckSessions({ ask }) {
  const rows = await ask(
    `select a.pid, a.state, a.query from pg_stat_activity a
      where a.application_name = 'jobledger' and a.datname = current_database()
        and (a.xact_start < now() - interval '2 s' or exists (select from pg_locks l
          where l.pid = a.pid and l.locktype = 'advisory' and a.state like 'idle%'
            and a.state_change < now() - interval '2 s'))`,
  );
  return rows.map(({ pid, state, query }) => `session ${pid} is ${state}: ${query.slice(0, 80)}`);
}

/** What the program's checker finds, on a snapshot. */
export async function check({ program, connect }, options = {}) {
  const { checkLedger } = await load(program, 'checker/check-ledger.js');
  const client = await connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    return await checkLedger(async (text) => (await client.query(text)).rows, options);
  } finally {
    await client.end();
  }
}

function lineOf({ code, partition, position, stream, text }) {
  return `${code} ${partition ?? '-'}/${position ?? '-'} ${stream ?? '-'}: ${text}`;
}

function count({ name, held, broken }) {
  return { name, held, broken: broken.length };
}

/** Jobs by kind and end. */
function summaryOf({ jobs, events }) {
  const kinds = {};
  for (const { kind, state } of jobs.values()) {
    kinds[kind] ??= {};
    kinds[kind][state] = (kinds[kind][state] ?? 0) + 1;
  }
  return { kinds, events, jobs: jobs.size };
}

/** What the faults left in the log and with the callers: a run without such marks harmed nothing. */
function marksOf({ types }, records) {
  const { AttemptLost = 0, AttemptReleased = 0, OutcomeRejected = 0, JobDeduplicated = 0 } = types;
  const events = { AttemptLost, AttemptReleased, OutcomeRejected, JobDeduplicated };
  const codes = tally(
    [...records('unknown'), ...records('trouble')].map(({ code = 'no code' }) => code),
  );
  return { events, codes };
}
