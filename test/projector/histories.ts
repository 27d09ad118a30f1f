import fc from 'fast-check';
import type { RecordedEvent } from '../../src/index.js';
import type { JobCommand } from '../../src/job/commands.js';
import { decide, isRejection } from '../../src/job/decide.js';
import type { NewEvent } from '../../src/job/events.js';
import { evolve } from '../../src/job/evolve.js';
import type { JobState } from '../../src/job/state.js';
import { moves, type Move } from '../job/sequences.js';
import { errorRecord, recordedAs } from '../job/stream.js';

/** The events of a ledger, by partition and in order. */
export type History = readonly (readonly RecordedEvent[])[];

export const PARTITIONS = 3;

/** Several jobs in several partitions, whose events come in any order, some at the same microsecond. */
export function histories(): fc.Arbitrary<History> {
  const turns = fc.array(turn(), { minLength: 40, maxLength: 40 });
  return fc
    .tuple(fc.array(plan(), { minLength: 1, maxLength: 8 }), turns)
    .map(([plans, all]) => historyOf(plans, all));
}

interface Plan {
  readonly partition: number;
  readonly kind: string;
  readonly queue: string;
  readonly tenant: string | undefined;
  readonly moves: readonly Move[];
}

interface Turn {
  readonly job: number;
  /** What the clock goes on by, in microseconds. */
  readonly us: number;
  readonly fingerprint: string;
  readonly durationMs: number;
}

function plan(): fc.Arbitrary<Plan> {
  return fc.record({
    partition: fc.nat(PARTITIONS - 1),
    kind: fc.constantFrom('mail', 'report'),
    queue: fc.constantFrom('default', 'slow'),
    tenant: fc.constantFrom('acme', undefined),
    moves: moves(),
  });
}

function turn(): fc.Arbitrary<Turn> {
  return fc.record({
    job: fc.nat(),
    us: fc.constantFrom(0, 0, 1, 999_999, 59_000_000, 3_600_000_000),
    fingerprint: fc.constantFrom('0123456789abcdef', 'fedcba9876543210'),
    durationMs: fc.constantFrom(0, 0.1, 1.001, 5, 8.029, 60_000, 123_456_789.001),
  });
}

function historyOf(plans: readonly Plan[], turns: readonly Turn[]): History {
  const partitions: RecordedEvent[][] = Array.from({ length: PARTITIONS }, () => []);
  let going = plans.map((one, n) => new Job(one, n, partitions[one.partition]!));
  let us = 0;
  for (let n = 0; going.length > 0; n++) {
    const now = turns[n % turns.length]!;
    us += now.us;
    going[now.job % going.length]!.move(now, us);
    going = going.filter(({ isOver }) => !isOver);
  }
  return partitions;
}

class Job {
  readonly #plan: Plan;
  readonly #id: string;
  readonly #log: RecordedEvent[];
  #state: JobState | undefined;
  #moved = 0;

  constructor(plan: Plan, n: number, log: RecordedEvent[]) {
    this.#plan = plan;
    this.#id = `01890a5d-ac96-774b-bcce-0000000${n}0${String(plan.partition).padStart(3, '0')}`;
    this.#log = log;
  }

  get isOver(): boolean {
    return this.#moved >= this.#plan.moves.length;
  }

  move(now: Turn, us: number): void {
    const command = this.#plan.moves[this.#moved++]!(this.#state);
    const answer = decide(this.#state, varied(command, now));
    if (!isRejection(answer)) for (const event of answer) this.#append(event, us);
  }

  #append(event: NewEvent, us: number): void {
    const { partition, kind, queue, tenant } = this.#plan;
    const version = (this.#state?.version ?? 0) + 1;
    const at = { version, position: this.#log.length + 1, recordedAt: instant(us) };
    const meta = version === 1 && tenant !== undefined ? { tenant } : event.meta;
    const recorded = recordedAs({ ...event, meta }, at);
    const placed = { ...recorded, partition, streamId: this.#id, kind, queue };
    this.#log.push(placed);
    this.#state = evolve(this.#state, placed);
  }
}

/** The same command, about another error and another time. */
function varied(command: JobCommand, { fingerprint, durationMs }: Turn): JobCommand {
  if (command.type === 'LoseAttempt') return { ...command, error: errorRecord({ fingerprint }) };
  if (command.type === 'FailAttempt')
    return { ...command, durationMs, error: { ...command.error, fingerprint } };
  return 'durationMs' in command ? { ...command, durationMs } : command;
}

/** Microseconds after the beginning of a year. */
function instant(us: number): string {
  const ms = new Date(Date.UTC(2026, 0, 1) + Math.floor(us / 1_000)).toISOString().slice(0, -1);
  return `${ms}${String(us % 1_000).padStart(3, '0')}Z`;
}
