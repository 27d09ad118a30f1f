// A verdict as a table for people.

/** The lines of a report. */
export function report(
  { seed, faults, faultsMade, kinds, jobs, events, marks, checks, problems, folder },
  seconds,
) {
  return [
    '',
    `${faultsMade} faults in ${seconds} s, seed ${seed}`,
    ...columns(Object.entries(faults).sort(([, a], [, b]) => b - a)),
    '',
    `${jobs} jobs, ${events} events`,
    ...columns(
      Object.entries(kinds)
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([kind, ends]) => [
          kind,
          Object.entries(ends)
            .map(([state, n]) => `${n} ${state}`)
            .join(', '),
        ]),
    ),
    '',
    'marks of the faults',
    ...columns(Object.entries({ ...marks.events, ...marks.codes })),
    '',
    'checked',
    ...columns(
      checks.map(({ name, held, broken }) => [
        `${broken === 0 ? '✓' : '✗'} ${name}`,
        held,
        broken === 0 ? '' : `${broken} broken`,
      ]),
    ),
    '',
    ...problems.slice(0, 40),
    ...(problems.length > 40 ? [`and ${problems.length - 40} more`] : []),
    problems.length === 0
      ? 'verdict: unharmed'
      : `verdict: DAMAGED; everything is kept in ${folder}`,
    ...(problems.length === 0 && folder !== null ? [`everything is kept in ${folder}`] : []),
  ];
}

function columns(rows) {
  const widths = rows.reduce(
    (all, row) => row.map((cell, n) => Math.max(all[n] ?? 0, String(cell).length)),
    [],
  );
  return rows.map((row) =>
    `  ${row.map((cell, n) => String(cell).padEnd(widths[n])).join('  ')}`.trimEnd(),
  );
}
