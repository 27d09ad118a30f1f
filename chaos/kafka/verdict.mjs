// What the topic must be after a run: the ledger, by plain SQL on one side and Kafka's own client on the
// other. Nothing of the engine is asked.
import { readTopic } from './topic.mjs';

/** What relays have not done yet, or say that they cannot; a line each. */
export async function relaysLeft({ ask, topic, partitions }) {
  const rows = await ask(
    `select n as partition, coalesce(position, 0) as position, trouble,
        (select coalesce(max(position), 0) from jobledger.events e where e.partition = n) as head
      from generate_series(0, $2::int - 1) n
      left join jobledger.publications on scope = $1 and partition = n`,
    [topic, partitions],
  );
  return rows.flatMap(({ partition, position, head, trouble }) => [
    ...(position === head ? [] : [`partition ${partition} is published to ${position} of ${head}`]),
    ...(trouble === null ? [] : [`partition ${partition} has trouble: ${trouble}`]),
  ]);
}

/** The checks of a run whose relays have ended. */
export async function topicChecks(scene) {
  const left = await relaysLeft(scene);
  const events = await readLedger(scene);
  const takeovers = await takeoversOf(scene);
  const { broker, topic, kafkaProxy, partitions } = scene;
  const { brokers } = kafkaProxy;
  const records = await readTopic({
    classpath: broker.classpath,
    brokers,
    topic,
    expected: events.length,
  });
  return [
    { name: 'relays catch up, and have no trouble left', held: partitions, broken: left },
    { name: 'partitions are taken over', held: takeovers, broken: [] },
    ...compare(events, records),
  ];
}

/** What the records of a topic are held to, by the events of the ledger. */
export function compare(events, records) {
  const rules = {
    'positions of the topic are 1, 2, 3 and so on, in each partition': disorder(records),
    'versions of each job on the topic are 1, 2, 3 and so on': brokenStreams(records),
    'the topic ends where the ledger does': otherEnds(events, records),
    'key, headers and value of every record are its event': different(events, records),
  };
  return Object.entries(rules).map(([name, broken]) => ({ name, held: records.length, broken }));
}

async function takeoversOf({ ask, topic }) {
  const text = 'select sum(takeovers)::int as n from jobledger.publications where scope = $1';
  return (await ask(text, [topic]))[0].n;
}

/** Every event as a record has to have it. */
export function readLedger({ ask }) {
  return ask(
    `select partition, position::int, stream_id::text as key, data::text as value, json_build_object(
        'ce_specversion', '1.0', 'ce_id', partition || '/' || position,
        'ce_source', '/jobledger/' || l.id || '/' || l.epoch,
        'ce_type', type, 'ce_subject', stream_id,
        'ce_time', to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'content-type', 'application/json', 'jl_version', e.version::text,
        'jl_schema_version', e.schema_version::text, 'jl_kind', kind, 'jl_queue', queue,
        'jl_meta', meta::text, 'traceparent', meta->>'traceparent', 'tracestate', meta->>'tracestate'
      ) as headers
    from jobledger.events e, jobledger.ledger l order by partition, e.position`,
  );
}

/** By the ids alone, in the order of each partition of the topic. */
function disorder(records) {
  return stepsOf(records, ({ partition, headers }) => {
    const [named, position] = headers.get('ce_id')?.split('/') ?? [];
    return [`partition ${partition}`, Number(named) === partition ? Number(position) : NaN];
  });
}

function brokenStreams(records) {
  return stepsOf(records, ({ key, headers }) => [`job ${key}`, Number(headers.get('jl_version'))]);
}

/** A line for each record whose number is not one more than that of the record before, of the same name. */
function stepsOf(records, numberOf) {
  const last = new Map();
  return records.flatMap((record) => {
    const [name, number] = numberOf(record);
    const expected = (last.get(name) ?? 0) + 1;
    last.set(name, number);
    if (number === expected) return [];
    return [`${name}: ${number} at ${record.partition}, offset ${record.offset}, not ${expected}`];
  });
}

function otherEnds(events, records) {
  const lastIds = (ids) => new Map(ids.map((id) => [id?.split('/')[0], id]));
  const ends = lastIds(records.map(({ headers }) => headers.get('ce_id')));
  const heads = lastIds(events.map(({ headers }) => headers.ce_id));
  return [...heads].flatMap(([partition, head]) =>
    ends.get(partition) === head
      ? []
      : [`it ends at ${ends.get(partition)}, the ledger at ${head}`],
  );
}

function different(events, records) {
  const byId = new Map(events.map((event) => [event.headers.ce_id, event]));
  return records.flatMap((record) => {
    const id = record.headers.get('ce_id');
    const event = byId.get(id);
    if (event === undefined) return [`record ${id} is no event of the ledger`];
    const parts = [
      ...['partition', 'key', 'value'].filter((part) => record[part] !== event[part]),
      ...Object.keys(event.headers).filter(
        (name) => (record.headers.get(name) ?? null) !== event.headers[name],
      ),
      ...[...record.headers.keys()].filter((name) => !Object.hasOwn(event.headers, name)),
    ];
    return parts.length === 0 ? [] : [`record ${id} differs from its event in ${parts.join(', ')}`];
  });
}
