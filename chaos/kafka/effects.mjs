// What consumers must have done after a run: every event of the ledger once, and in order.

/** What consumers have not done yet, or say that they cannot; a line each. */
export async function consumersLeft({ ask, partitions }) {
  const rows = await ask(
    `select n as partition, coalesce(p.position, 0) as position, trouble, coalesce(parked, 0) as parked,
        (select coalesce(max(position), 0) from jobledger.events e where e.partition = n) as head
      from generate_series(0, $1::int - 1) n
      left join jobledger_consumers.positions p on p.partition = n`,
    [partitions],
  );
  return rows.flatMap(({ partition, position, head, trouble, parked }) => [
    ...(position === head ? [] : [`partition ${partition} is consumed to ${position} of ${head}`]),
    ...(trouble === null ? [] : [`partition ${partition} has trouble: ${trouble}`]),
    ...(parked === 0 ? [] : [`partition ${partition} has ${parked} parked events`]),
  ]);
}

/** The checks of a run whose consumers have ended. */
export async function effectChecks(scene, records) {
  const { ask, partitions } = scene;
  const effects = await ask(
    'select partition, position::int from shop.effects order by partition, id',
  );
  const handled = new Set(records('handled').map((one) => `${one.partition}/${one.position}`));
  const left = await consumersLeft(scene);
  const [{ events }] = await ask('select count(*)::int as events from jobledger.events');
  const missing =
    effects.length === events ? [] : [`${effects.length} effects of ${events} events`];
  return [
    { name: 'consumers catch up, with nothing parked', held: partitions, broken: left },
    {
      name: 'every event has its effect once, and in order',
      held: effects.length,
      broken: [...disorder(effects), ...missing],
    },
    {
      name: 'every effect is of a handler that did run',
      held: handled.size,
      broken: effects.flatMap(({ partition, position }) =>
        handled.has(`${partition}/${position}`) ? [] : [`no handler had ${partition}/${position}`],
      ),
    },
  ];
}

function disorder(effects) {
  const last = new Map();
  return effects.flatMap(({ partition, position }) => {
    const expected = (last.get(partition) ?? 0) + 1;
    last.set(partition, position);
    return position === expected ? [] : [`partition ${partition}: ${position}, not ${expected}`];
  });
}
