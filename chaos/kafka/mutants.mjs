// The fences of the relay, each with a way to take it out and a scenario in which it is needed.
import { mutate } from '../program.mjs';
import { failover, killedInMidTransaction, lostCommit, zombie } from './scenarios.mjs';

const RELAY = 'kafka/partition-relay.js';
const READING = /this\.#last = await findLastPublished\(store, reader, topic, this\.partition\);/;
const TABLE = `const { rows } = await store.database.pool.query(
    'select position from ' + store.tables.publications + ' where scope = $1 and partition = $2',
    [topic, this.partition]);
  const at = Number(rows[0]?.position ?? 0);
  this.#last = at === 0 ? undefined : (await readTexts(store, this.partition, at, 1)).events[0];`;

/** By name: the scenario, and what the fence's absence is. */
export const MUTANTS = {
  'the look in the topic, memory instead': {
    scenario: lostCommit,
    patch: (program) =>
      mutate(
        program,
        RELAY,
        READING,
        'this.#last ??= await findLastPublished(store, reader, topic, this.partition);',
      ),
  },
  'the look in the topic, the table instead': {
    scenario: lostCommit,
    patch: (program) => mutate(program, RELAY, READING, TABLE),
  },
  'the look at what is committed only': {
    scenario: killedInMidTransaction,
    patch: (program) =>
      mutate(program, 'kafka/kafkajs/reader.js', /READ_COMMITTED = 1/, 'READ_COMMITTED = 0'),
  },
  'one transactional id for each partition': {
    scenario: zombie,
    patch: (program) =>
      mutate(
        program,
        'kafka/kafkajs/connect.js',
        /new KafkajsPublisher\(this\.#kafka, transactionalId\)/,
        'new KafkajsPublisher(this.#kafka, `${transactionalId}-${process.pid}`)',
      ),
  },
  'the comparison by content': {
    scenario: failover,
    patch: (program) =>
      mutate(
        program,
        'kafka/resume.js',
        /export function checkLast\(.*\) \{/,
        'export function checkLast() {}\nexport function unused(topic, last, found) {',
      ),
  },
};
