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
  return [
    {
      name: 'the topic has every event once and in order: positions from 1 to the head',
      held: records.length,
      broken: outOfOrder(events, records),
    },
    {
      name: 'key, headers and value of every record are its event',
      held: records.length,
      broken: different(events, records),
    },
  ];
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
function outOfOrder(events, records) {
  const heads = new Map();
  for (const { partition, position } of events) heads.set(partition, position);
  const seen = new Map([...heads.keys()].map((partition) => [partition, 0]));
  const broken = [];
  for (const { partition, offset, headers } of records) {
    const expected = (seen.get(partition) ?? 0) + 1;
    const id = headers.get('ce_id');
    if (id !== `${partition}/${expected}`)
      broken.push(
        `partition ${partition}, offset ${offset}: it has ${id}, not position ${expected}`,
      );
    seen.set(partition, Number(id?.split('/')[1]));
  }
  for (const [partition, head] of heads)
    if (seen.get(partition) !== head)
      broken.push(`partition ${partition} ends at ${seen.get(partition)}, the ledger at ${head}`);
  return broken;
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
