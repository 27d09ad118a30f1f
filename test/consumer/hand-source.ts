import { onTestFinished } from 'vitest';
import type { ConsumeFrom, ConsumerOptions } from '../../src/index.js';
import { backFillFrom } from '../../src/consumer/back-fill.js';
import { Consumer } from '../../src/consumer/consumer.js';
import type { Feed, Item, Point, Reader, Source } from '../../src/consumer/source.js';
import type { Store } from '../../src/ledger/store.js';
import { openGroup } from '../../src/open-group.js';
import { SILENT } from '../support/ledger.js';

export const LEDGER = '00000000-0000-4000-8000-000000000001';

/** A source that gives what the test has put in, in that order, right or wrong. */
export class HandSource implements Source {
  readonly ledgerId = undefined;
  readonly #lines: readonly Item[][];
  readonly #readers = new Set<Reader>();

  constructor(partitions: number) {
    this.#lines = Array.from({ length: partitions }, () => []);
  }

  put(...items: readonly Item[]): void {
    for (const item of items) this.#lines[item.event.partition]!.push(item);
    for (const reader of this.#readers) for (const { event } of items) reader.wake(event.partition);
  }

  open(): Promise<number> {
    return Promise.resolve(this.#lines.length);
  }

  /** Everybody holds everything. */
  async start(reader: Reader): Promise<void> {
    this.#readers.add(reader);
    await reader.hold(new Set(this.#lines.keys()));
  }

  /** From the start, whatever it is asked for: what is behind has to be dropped. */
  feed(partition: number): Feed {
    let given = 0;
    return {
      read: () => {
        const items = this.#lines[partition]!.slice(given);
        given += items.length;
        return Promise.resolve(items);
      },
      applied: () => undefined,
      close: () => undefined,
    };
  }

  pointsAt(from: ConsumeFrom): Promise<ReadonlyMap<number, Point>> {
    const positions = typeof from === 'object' && 'positions' in from ? from.positions : {};
    const point = (partition: number): Point => {
      return { epoch: null, position: positions[partition] ?? 0, resumeAt: null };
    };
    return Promise.resolve(new Map(this.#lines.map((_, one) => [one, point(one)] as const)));
  }

  heads(): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(
      new Map(
        this.#lines.map(
          (line, partition) => [partition, line.at(-1)?.event.position ?? 0] as const,
        ),
      ),
    );
  }

  stop(): Promise<void> {
    this.#readers.clear();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** An event of a job of its own. */
export function item(
  partition: number,
  position: number,
  { epoch = 1, ledgerId = LEDGER, job = position } = {},
): Item {
  const streamId = `00000000-0000-7000-8000-0000000${String(job).padStart(3, '0')}0${partition}`;
  return {
    origin: { ledgerId, epoch },
    event: {
      ...{ partition, position, streamId, version: 1, type: 'AttemptStarted', schemaVersion: 1 },
      ...{ kind: 'k', queue: 'q', data: '{"attempt": 1, "worker": 1}', meta: '{}' },
      recordedAt: '2026-01-31T08:00:00.000000Z',
    },
  };
}

/** A consumer of a hand-made source, stopped when the test ends. */
export async function consumeBy(
  source: Source,
  options: Omit<ConsumerOptions, 'group'>,
  ledger?: Store,
): Promise<Consumer> {
  const leaving: (() => Promise<void>)[] = [];
  const group = await openGroup({ group: 'g', migrate: true, ...options }, SILENT, leaving);
  const close = async () => void (await Promise.all(leaving.splice(0).map((leave) => leave())));
  const parts = { group, source, from: 'start' as const, backFill: backFillFrom(ledger), close };
  const consumer = new Consumer(parts);
  onTestFinished(() => consumer.stop());
  return consumer;
}
