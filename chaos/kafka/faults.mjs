// The faults of a run with a broker: those of ../faults.mjs that hurt a relay too, and the broker's and
// the relays' own, in the same form. More than half of what is drawn are kills.
import { setTimeout as pause } from 'node:timers/promises';
import { FAULTS as LEDGER_FAULTS, held } from '../faults.mjs';
import { END_TXN, PRODUCE } from './proxy.mjs';

/** Longer than a lease: somebody else has taken over meanwhile. */
const BEYOND_LEASE = [3_000, 6_000];
/** How long to wait for an answer to lose; nobody publishes while the broker is away. */
const ANSWER_MS = 5_000;

export const FAULTS = {
  'relay killed': {
    weight: 20,
    needs: 'relay',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGKILL', random.whole(0, 500)),
  },
  'relay paused beyond its lease': {
    weight: 5,
    needs: 'relay',
    run: async ({ crew }, random, name) => {
      crew.signal(name, 'SIGSTOP');
      await pause(random.whole(...BEYOND_LEASE));
      crew.signal(name, 'SIGCONT');
    },
  },
  'relay told to stop': {
    weight: 3,
    needs: 'relay',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGTERM', random.whole(0, 500)),
  },
  'consumer killed': {
    weight: 14,
    needs: 'consumer',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGKILL', random.whole(0, 1_000)),
  },
  'consumer paused': {
    weight: 3,
    needs: 'consumer',
    run: async ({ crew }, random, name) => {
      crew.signal(name, 'SIGSTOP');
      await pause(random.whole(500, 6_000));
      crew.signal(name, 'SIGCONT');
    },
  },
  'consumer told to stop': {
    weight: 3,
    needs: 'consumer',
    run: ({ crew }, random, name) => crew.replace(name, 'SIGTERM', random.whole(0, 500)),
  },
  'worker killed': { ...LEDGER_FAULTS['worker killed'], weight: 12 },
  'broker killed': {
    weight: 3,
    needs: 'broker',
    run: async ({ broker }, random) => {
      await broker.kill();
      await pause(random.whole(0, 5_000));
      await broker.start();
    },
  },
  'broker connections cut in mid-request': {
    weight: 4,
    run: ({ kafkaProxy }, random) => kafkaProxy.cutHalfWay(random, random.whole(1, 6)) > 0,
  },
  'acknowledgement of a Produce lost': {
    weight: 5,
    needs: 'answers',
    run: ({ kafkaProxy }) => kafkaProxy.loseAnswer(PRODUCE, ANSWER_MS),
  },
  'acknowledgement of a commit lost': {
    weight: 5,
    needs: 'answers',
    run: ({ kafkaProxy }) => kafkaProxy.loseAnswer(END_TXN, ANSWER_MS),
  },
  'broker connections gone deaf': {
    weight: 3,
    run: async ({ kafkaProxy }, random) =>
      (await kafkaProxy.stall(random, random.whole(1, 8), random.whole(500, 3_000))) > 0,
  },
  'Postgres killed': { ...LEDGER_FAULTS['Postgres killed'], weight: 3 },
  'backends terminated': { ...LEDGER_FAULTS['backends terminated'], weight: 3 },
  'connections to Postgres cut in mid-statement': {
    ...LEDGER_FAULTS['connections cut in mid-statement'],
    weight: 3,
  },
  'publication locked by a stranger': {
    weight: 3,
    run: (scene, random) =>
      held(scene, random, [
        'select 1 from jobledger.publications where partition = $1 for update',
        [random.whole(0, scene.partitions - 1)],
      ]),
  },
};
