// What must hold between the ledger and the records kept outside of it. A rule answers how many facts
// it held against each other, and a line for each that does not fit.

/** What the caller's transaction promises. */
export const TRANSACTION_RULES = [
  {
    name: 'a transactional job is there exactly if its transaction’s rows are',
    hold: ({ facts, records }) =>
      each(
        records('asked').filter(({ how }) => how === 'transaction'),
        ({ id }) => {
          const [job, order] = [facts.jobs.has(id), facts.orders.has(id)];
          return job === order ? undefined : `job ${id}: ${job}, its rows: ${order}`;
        },
      ),
  },
  {
    name: 'what was committed is there, what was rolled back is not',
    hold: ({ facts, records }) =>
      each([...records('committed'), ...records('rolled-back')], ({ id, what }) =>
        facts.jobs.has(id) === (what === 'committed') ? undefined : `job ${id} was ${what}`,
      ),
  },
];

/** All that must hold after a run. */
export const RULES = [
  ...TRANSACTION_RULES,
  {
    name: 'every acknowledged enqueue is there, once',
    hold: ({ facts, records }) =>
      each(records('acked'), ({ id, given, created }) => {
        const found = facts.jobs.get(given)?.enqueued ?? 0;
        if (found !== 1) return `job ${given} was acknowledged and is there ${found} times`;
        if (id !== given && created) return `job ${given} was created for one who asked for ${id}`;
        if (id !== given && facts.jobs.has(id)) return `job ${id} was a duplicate and is there too`;
        return undefined;
      }),
  },
  {
    name: 'every job was asked for',
    hold: ({ facts, records }) => {
      const asked = new Map(records('asked').map(({ id, kind }) => [id, kind]));
      return each([...facts.jobs.values()], ({ id, kind }) =>
        asked.get(id) === kind ? undefined : `job ${id} (${kind}) was never asked for`,
      );
    },
  },
  {
    name: 'an atomic list is there as a whole or not at all',
    hold: ({ facts, records }) => {
      const groups = new Map();
      for (const { id, group } of records('asked')) {
        if (group === undefined) continue;
        const seen = groups.get(group) ?? { there: 0, all: 0 };
        groups.set(group, { there: seen.there + (facts.jobs.has(id) ? 1 : 0), all: seen.all + 1 });
      }
      return each([...groups], ([group, { there, all }]) =>
        there === 0 || there === all
          ? undefined
          : `${there} of ${all} jobs of list ${group} are there`,
      );
    },
  },
  {
    name: 'every job ends as its kind must; no innocent fails',
    hold: ({ facts, kinds }) =>
      each([...facts.jobs.values()], ({ id, kind, state }) =>
        kinds[kind].ends.includes(state) ? undefined : `job ${id} (${kind}) is ${state}`,
      ),
  },
  {
    name: 'what always fails uses up exactly what it was granted',
    hold: ({ facts, kinds }) =>
      each(
        [...facts.jobs.values()].filter(
          ({ kind, state }) => kinds[kind].exact && state === 'failed',
        ),
        (job) => {
          const counted = countedOf(job);
          const granted = grantedTo(job);
          return counted === granted
            ? undefined
            : `job ${job.id} (${job.kind}): ${counted} attempts of ${granted}`;
        },
      ),
  },
  {
    name: 'every run of a handler is recorded as started, by its process',
    hold: ({ facts, records }) => {
      const starts = startsOf(facts);
      return each(records('began'), ({ id, attempt, pid }) => {
        const start = starts.get(`${id} ${attempt}`);
        if (start === undefined) return `attempt ${attempt} of job ${id} ran and was never started`;
        const named = facts.pids.get(start.worker);
        return named === pid
          ? undefined
          : `attempt ${attempt} of job ${id} ran in ${pid}, recorded for ${named}`;
      });
    },
  },
  {
    name: 'no attempt runs twice',
    hold: ({ records }) => {
      const runs = new Map();
      for (const { id, attempt } of records('began')) {
        const name = `attempt ${attempt} of job ${id}`;
        runs.set(name, (runs.get(name) ?? 0) + 1);
      }
      return each([...runs], ([name, n]) => (n === 1 ? undefined : `${name} ran ${n} times`));
    },
  },
  {
    name: 'every recorded success did run, and did return',
    hold: ({ facts, records }) => {
      const returned = new Set(records('returned').map(({ id, attempt }) => `${id} ${attempt}`));
      const ends = eventsOf(facts, ['AttemptSucceeded']);
      return each(ends, ({ id, attempt }) =>
        returned.has(`${id} ${attempt}`)
          ? undefined
          : `attempt ${attempt} of job ${id} never returned`,
      );
    },
  },
  {
    name: 'every recorded failure did run',
    hold: ({ facts, records }) => {
      const began = new Set(records('began').map(({ id, attempt }) => `${id} ${attempt}`));
      return each(eventsOf(facts, ['AttemptFailed', 'JobSnoozed']), ({ id, attempt }) =>
        began.has(`${id} ${attempt}`) ? undefined : `attempt ${attempt} of job ${id} never ran`,
      );
    },
  },
  {
    name: 'every acknowledged command is in the job’s history',
    hold: ({ facts, records }) =>
      each(records('operated'), ({ id, operation }) => {
        const types = facts.jobs.get(id)?.events.map(({ type }) => type) ?? [];
        const expected = COMMANDS[operation];
        return types.some((type) => expected.includes(type))
          ? undefined
          : `${operation} of job ${id} left no event`;
      }),
  },
];

const COMMANDS = {
  cancel: ['CancelRequested', 'JobCanceled'],
  retry: ['JobRetried'],
  discard: ['JobDiscarded'],
  reschedule: ['JobRescheduled'],
  reprioritize: ['JobReprioritized'],
};

function each(items, judge) {
  return { held: items.length, broken: items.map(judge).filter((text) => text !== undefined) };
}

function eventsOf({ jobs }, types) {
  return [...jobs.values()].flatMap(({ events }) =>
    events.filter(({ type }) => types.includes(type)),
  );
}

function startsOf(facts) {
  return new Map(
    eventsOf(facts, ['AttemptStarted']).map((event) => [`${event.id} ${event.attempt}`, event]),
  );
}

/** Attempts less those that were given back or snoozed. */
function countedOf({ events }) {
  const n = (...types) => events.filter(({ type }) => types.includes(type)).length;
  return n('AttemptStarted') - n('AttemptReleased', 'JobSnoozed');
}

/** Of the enqueue, and of every retry by hand; a retry counts from what was spent until then. */
function grantedTo({ events }) {
  return events.reduce((sum, { type, limit, extra }) => {
    if (type === 'JobEnqueued') return limit;
    return type === 'JobRetried' ? sum + extra : sum;
  }, 0);
}
