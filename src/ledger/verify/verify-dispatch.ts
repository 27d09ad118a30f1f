import type { Difference } from '../../api-views.js';
import type { DispatchRows } from './dispatch-rows.js';
import { judgeKeys } from './judge-keys.js';
import { judgeRows, placeOf, type Folded } from './judge-rows.js';

/** Compares a partition's dispatch rows with the fold of its log, both ways. Pure. */
export function compareDispatch(
  partition: number,
  folded: Folded,
  rows: DispatchRows,
  now: string,
): Difference[] {
  const { wrong, missing } = judgeRows(folded, rows, now);
  const found: Difference[] = [];
  for (const { table, row, problems, isStray } of wrong) {
    const tell = (where: string, text: string) =>
      found.push({ where, partition, jobId: row.job_id, text });
    if (isStray) tell('stray', `${table} has a row of a job that is not in the log`);
    else for (const text of problems) tell(table, text);
  }
  const told = new Set(wrong.map(({ row }) => row.job_id));
  for (const state of missing) {
    if (told.has(state.id)) continue;
    const text = `the log says ${state.state}, but no dispatch table has the job`;
    found.push({ where: placeOf(state)!, partition, jobId: state.id, text });
  }
  return [
    ...found,
    ...holderProblems(partition, folded, rows),
    ...keyProblems(partition, folded, rows, now),
  ];
}

/** The reaper finds the leases of a lost worker by its row: without one they would stay for ever. */
function holderProblems(partition: number, folded: Folded, rows: DispatchRows): Difference[] {
  const found: Difference[] = [];
  for (const state of folded.states.values()) {
    if (state.state !== 'running' || folded.unreadable.has(state.id)) continue;
    if (rows.workers.has(state.worker)) continue;
    const text = `worker ${state.worker} has the job by the log, but is not on record`;
    found.push({ where: 'workers', partition, jobId: state.id, text });
  }
  return found;
}

/** The absence of a key that is held for a time proves nothing. */
function keyProblems(
  partition: number,
  folded: Folded,
  rows: DispatchRows,
  now: string,
): Difference[] {
  const { wrong, missing } = judgeKeys(partition, folded, rows, now);
  const where = 'unique_keys';
  return [
    ...wrong.map(({ row, text }) => ({ where, partition, jobId: row.job_id, text })),
    ...missing
      .filter(({ expiresMs }) => expiresMs === null)
      .map(({ id, key }) => {
        const state = folded.states.get(id)?.state ?? 'in the inbox';
        const text = `key ${JSON.stringify(key)} is not held, but the job is ${state}`;
        return { where, partition, jobId: id, text };
      }),
  ];
}
