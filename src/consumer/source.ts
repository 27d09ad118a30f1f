import type { ConsumeFrom } from '../api-consumer.js';
import type { EventText, Origin } from '../kafka/record.js';

/** An event as a source has it. */
export interface Item {
  readonly origin: Origin;
  readonly event: EventText;
  /** Where the source would go on behind it, in its own terms. Only a hint: it may be wrong. */
  readonly resumeAt?: number;
}

/** How far a partition has been read. `epoch` is null before its first event. */
export interface Point {
  readonly epoch: number | null;
  readonly position: number;
  readonly resumeAt: number | null;
}

/** One partition's events. Only one call at a time. */
export interface Feed {
  /** Events behind a point, in order; some may be before it. None if there are none yet. */
  read(behind: Point): Promise<readonly Item[]>;
  /** What was read up to there has taken effect. */
  applied(point: Point): void;
  close(): void;
}

/** Who reads from a source. */
export interface Reader {
  /** These partitions are this process's from now on, and no others. */
  hold(partitions: ReadonlySet<number>): Promise<void>;
  /** There is something new in a partition, in a source that knows its last position behind that one. */
  wake(partition: number, head?: number): void;
  failed(error: unknown): void;
}

/** Where a ledger's events are. Two members may hold one partition for a while: it does no harm. */
export interface Source {
  /** Undefined until a record says so. */
  readonly ledgerId: string | undefined;
  /** Connects, and tells how many partitions there are. */
  open(): Promise<number>;
  start(reader: Reader): Promise<void>;
  feed(partition: number): Feed;
  /** The points that are meant; `'start'` and unnamed partitions are position 0. */
  pointsAt(from: ConsumeFrom): Promise<ReadonlyMap<number, Point>>;
  /** The last position of each partition that has any. */
  heads(): Promise<ReadonlyMap<number, number>>;
  stop(): Promise<void>;
  close(): Promise<void>;
}
