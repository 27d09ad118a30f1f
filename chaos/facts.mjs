// What the database holds at the end of a run, by plain SQL: jobs, their starts and ends, callers' rows.

/** Reads it all; a run is small enough to hold in memory. */
export async function readFacts({ ask }) {
  const events = await ask(
    `select stream_id as id, version, type::text, kind, (data->>'attempt')::int as attempt,
      (data->>'worker')::int as worker, (data->>'maxAttempts')::int as limit,
      (data->>'extraAttempts')::int as extra, data->'decision'->>'action' as action,
      data->'decision'->>'reason' as reason
    from jobledger.events order by partition, position`,
  );
  const workers = await ask('select id, pid from jobledger.workers');
  const orders = await ask('select job::text as id from shop.orders');
  return {
    events: events.length,
    jobs: jobsOf(events),
    types: tally(events.map(({ type }) => type)),
    pids: new Map(workers.map(({ id, pid }) => [id, pid])),
    orders: new Set(orders.map(({ id }) => id)),
  };
}

/** How often each is there. */
export function tally(names) {
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function jobsOf(events) {
  const jobs = new Map();
  for (const event of events) {
    const { id, kind } = event;
    const job = jobs.get(id) ?? { id, kind, state: 'available', events: [], enqueued: 0 };
    jobs.set(id, job);
    job.events.push(event);
    if (event.type === 'JobEnqueued') job.enqueued += 1;
    job.state = stateAfter(event) ?? job.state;
  }
  return jobs;
}

function stateAfter({ type, action }) {
  switch (type) {
    case 'AttemptSucceeded':
      return 'succeeded';
    case 'AttemptFailed':
    case 'AttemptLost':
      return action === 'fail' ? 'failed' : 'retrying';
    case 'JobCanceled':
      return 'canceled';
    case 'JobDiscarded':
      return 'discarded';
    case 'AttemptStarted':
      return 'running';
    case 'JobRetried':
    case 'AttemptReleased':
      return 'available';
    case 'JobSnoozed':
      return 'scheduled';
    default:
      return undefined;
  }
}
