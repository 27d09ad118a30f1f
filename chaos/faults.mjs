// The faults of a run. Each names what it needs for itself alone (`needs`), draws its details from the
// run's random numbers, and ends with the fault over: what was stopped runs, what was held is free.
// It answers false where it found nothing to harm, and then does not count.
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than a lease: a worker that stands still so long is declared dead. */
const BEYOND_LEASE = [2_200, 4_500];

export const FAULTS = {
  'worker killed': {
    weight: 5,
    needs: 'worker',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGKILL', random.whole(0, 1_500)),
  },
  'worker paused beyond its lease': {
    weight: 4,
    needs: 'worker',
    run: async ({ crew }, random, name) => {
      crew.signal(name, 'SIGSTOP');
      await pause(random.whole(...BEYOND_LEASE));
      crew.signal(name, 'SIGCONT');
    },
  },
  'worker told to stop': {
    weight: 4,
    needs: 'worker',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGTERM', random.whole(0, 500)),
  },
  'worker with a wrong clock': {
    weight: 2,
    needs: 'worker',
    run: ({ crew }, random, name) => {
      const shiftMs = random.pick([-1, 1]) * random.whole(1, 30) * 60_000;
      return crew.replace(name, 'SIGTERM', 0, { shiftMs });
    },
  },
  'producer killed': {
    weight: 4,
    needs: 'producer',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGKILL', random.whole(0, 500)),
  },
  'Postgres killed': {
    weight: 3,
    needs: 'postgres',
    run: async ({ postgres }, random) => {
      await postgres.kill();
      await pause(random.pick([0, 500, 3_000, 6_500]));
      await postgres.start();
    },
  },
  'Postgres stopped at once': {
    weight: 2,
    needs: 'postgres',
    run: async ({ postgres }, random) => {
      await postgres.stopImmediate();
      await pause(random.whole(0, 500));
      await postgres.start();
    },
  },
  'backends terminated': {
    weight: 5,
    run: ({ ask }, random) =>
      ask(
        `select count(pg_terminate_backend(pid)) as n from (
          select pid from pg_stat_activity where application_name = 'jobledger' and datname = current_database()
          order by md5(pid || $1) limit $2) chosen`,
        [String(random.next()), random.whole(1, 6)],
      ).then(([row]) => row.n > 0),
  },
  'connections cut in mid-statement': {
    weight: 6,
    run: ({ proxy }, random) => proxy.cutHalfWay(random, random.whole(1, 6)) > 0,
  },
  'commit not acknowledged': {
    weight: 8,
    run: ({ proxy }, random) =>
      proxy.loseCommit(
        random.pick(['jl_claim', 'jl_succeed', 'jl_finish', 'jl_enqueue', 'unique_keys', 'commit']),
        3_000,
      ),
  },
  'connections gone deaf': {
    weight: 3,
    run: async ({ proxy }, random) =>
      (await proxy.stall(random, random.whole(1, 6), random.whole(500, 3_000))) > 0,
  },
  'no connection left': {
    weight: 2,
    needs: 'connections',
    run: async ({ connect }, random) => {
      const strangers = await fill(connect);
      await pause(random.whole(500, 2_500));
      await Promise.all(strangers.map((one) => one.end().catch(() => {})));
      return strangers.length > 0;
    },
  },
  'partition locked by a stranger': {
    weight: 3,
    run: (scene, random) =>
      held(scene, random, [
        `select pg_advisory_xact_lock(('x' || left(id::text, 8))::bit(32)::int, $1::int) from jobledger.ledger`,
        [random.whole(0, scene.partitions - 1)],
      ]),
  },
  'dispatch rows locked by a stranger': {
    weight: 3,
    run: (scene, random) => {
      const table = random.pick(['ready', 'leases', 'scheduled', 'workers', 'inbox']);
      return held(scene, random, [`select 1 from jobledger.${table} limit 20 for update`, []]);
    },
  },
  'unique key held by a stranger': {
    weight: 3,
    run: (scene, random) =>
      held(scene, random, [
        `insert into jobledger.unique_keys(tenant, kind, key, job_id, scope)
          values ('', 'unique', $1, gen_random_uuid(), 'active') on conflict do nothing returning 1`,
        [`active-${random.whole(1, 4)}`],
      ]),
  },
};

/** A stranger's transaction that holds something for a while and then takes it all back. */
export async function held({ connect }, random, [text, values]) {
  const client = await connect();
  try {
    await client.query(`begin; set local lock_timeout = '3s'`);
    const { rows } = await client.query(text, values);
    await pause(random.whole(500, 3_500));
    return rows.length > 0;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Takes connections until none is left. */
async function fill(connect) {
  const strangers = [];
  for (;;) {
    try {
      strangers.push(await connect());
    } catch {
      return strangers;
    }
  }
}
