import fc from 'fast-check';

/** Statements that harm the dispatch tables; `$pick` chooses some of the rows. */
const DAMAGES: readonly string[] = [
  ...['ready', 'scheduled', 'leases'].flatMap((table) => [
    `delete from jobledger.${table} where $pick`,
    `truncate jobledger.${table}`,
    `update jobledger.${table} set version = version + 3 where $pick`,
    `update jobledger.${table} set attempt = attempt + 1, losses = 7 where $pick`,
    `update jobledger.${table} set max_attempts = 99, priority = 5 where $pick`,
    `update jobledger.${table} set position = position + 1, payload_at = 1 where $pick`,
    `update jobledger.${table} set error_at = 1, queue = 'nowhere' where $pick`,
    `update jobledger.${table} set kind = 'other' where $pick`,
    `update jobledger.${table} set partition = (partition + 1) % 16 where $pick`,
    `update jobledger.${table} set partition = 99 where $pick`,
  ]),
  `insert into jobledger.ready(${columns()}) select ${columns('gen_random_uuid()')} from jobledger.ready where $pick`,
  `insert into jobledger.ready(${columns()}) select ${columns()} from jobledger.leases where $pick
     on conflict do nothing`,
  `insert into jobledger.scheduled(run_at, state, ${columns()})
     select '2099-01-01', 'scheduled', ${columns()} from jobledger.ready where $pick on conflict do nothing`,
  `insert into jobledger.leases(seq, claim, worker, claimed_at, ${columns()})
     select seq, 1, 1, now(), ${columns()} from jobledger.ready where $pick on conflict do nothing`,
  `with gone as (delete from jobledger.scheduled where $pick returning *)
     insert into jobledger.ready(${columns()}) select ${columns()} from gone on conflict do nothing`,
  `with gone as (delete from jobledger.ready where $pick returning *)
     insert into jobledger.scheduled(run_at, state, ${columns()})
     select now(), 'retrying', ${columns()} from gone on conflict do nothing`,
  `update jobledger.scheduled set run_at = run_at + interval '1 s' where $pick`,
  `update jobledger.scheduled set state = case state when 'retrying' then 'scheduled' else 'retrying' end where $pick`,
  `update jobledger.leases set worker = worker + 1000 where $pick`,
  `update jobledger.leases set claim = claim + 1, cancel_at = now() where $pick`,
  `delete from jobledger.unique_keys where $pick`,
  `truncate jobledger.unique_keys`,
  `update jobledger.unique_keys set scope = 'forever', expires_at = null where $pick`,
  `update jobledger.unique_keys set scope = 'within', expires_at = now() + interval '1 year' where $pick`,
  `update jobledger.unique_keys set key = key || 'x' where $pick`,
  `update jobledger.unique_keys set job_id = gen_random_uuid() where $pick`,
  `insert into jobledger.unique_keys select '', kind, job_id::text, job_id, 'active', null
     from jobledger.ready where $pick on conflict do nothing`,
  `delete from jobledger.workers`,
  `insert into jobledger.tallies select 3, 1, 'default', 'fuzz', 1, 1, 1, 1, 1 on conflict do nothing`,
  `insert into jobledger.tallies select 4, 1000000, 'default', 'fuzz', 1, 1, 1, 1, 1 on conflict do nothing`,
  `alter table jobledger.workers alter column id restart with 1`,
  `select setval('jobledger.ready_seq', 1, false)`,
  `truncate jobledger.ready, jobledger.scheduled, jobledger.leases, jobledger.unique_keys`,
];

/** One to six damages, each to another part of the rows. */
export const damages: fc.Arbitrary<string[]> = fc.array(
  fc
    .tuple(fc.constantFrom(...DAMAGES), fc.nat(999))
    .map(([text, salt]) =>
      text.replaceAll('$pick', `abs(hashtext(job_id::text || '${salt}')) % 3 = 0`),
    ),
  { minLength: 1, maxLength: 6 },
);

function columns(id = 'job_id'): string {
  return `${id}, position, payload_at, error_at, attempt, counted, max_attempts, version, partition, priority, losses, queue, kind`;
}
