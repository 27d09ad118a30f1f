/** Something that must not be. One line says all of it. */
export interface Finding {
  readonly code: FindingCode;
  readonly partition: number | null;
  readonly position: number | null;
  readonly stream: string | null;
  readonly text: string;
}

/** Every sort of damage that the checker tells apart, with what it means. */
export const FINDING_CODES = {
  'position-gap': 'a position of a partition is missing, or is there twice',
  'time-step-back': 'an event has an earlier time than the one before it',
  'version-gap': 'a version of a stream is missing, or is there twice',
  'wrong-partition': 'a stream stands in another partition than its id names',
  malformed: 'an event lacks what its type carries',
  'unknown-form': 'an event has a schema version that this program does not know',
  'kind-changed': 'an event names another kind or queue than its stream',
  'illegal-event': 'an event cannot follow in its job’s state',
  'wrong-attempt': 'an attempt’s number is not the next one, or not the running one',
  'attempt-overlap': 'an attempt starts while another runs',
  'second-outcome': 'an attempt that has ended ends once more',
  'over-granted': 'an attempt starts, or is promised, beyond those granted',
  'under-granted': 'a job is exhausted with attempts left',
  'wrong-limit': 'a retry by hand sets another limit than it grants',
  'after-cancel': 'a canceled attempt ends neither in success nor as canceled',
  'early-start': 'an attempt starts before its time',
  overtaken: 'a job starts before one that stood before it in line',
  'not-ended': 'a job has not ended',
  'dispatch-missing': 'a dispatch table lacks a job',
  'dispatch-stray': 'a dispatch table has a row that the log does not give',
  'dispatch-twice': 'a job has several dispatch rows',
  'dispatch-differs': 'a dispatch row says something else than the log',
  'key-missing': 'a job does not hold the unique key that it has',
  'key-stray': 'a unique key is held by no job that may hold it',
  'key-shared': 'two jobs have one unique key at a time',
  'inbox-left': 'the inbox has a row',
} as const;

/** One of `FINDING_CODES`. */
export type FindingCode = keyof typeof FINDING_CODES;

/** Collects findings, and no more of them than fit. */
export class Findings {
  readonly told: Finding[] = [];
  found = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(code: FindingCode, where: Where, text: string): void {
    this.found += 1;
    const { partition, position, stream } = where;
    if (this.told.length < this.#most) this.told.push({ code, partition, position, stream, text });
  }
}

type Where = Pick<Finding, 'partition' | 'position' | 'stream'>;
