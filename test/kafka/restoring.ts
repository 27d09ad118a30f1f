import { expect } from 'vitest';
import { isLedgerError, type Ledger, type LedgerError } from 'jobledger';
import type { LedgerSite } from '../support/ledger.js';
import { eventually } from '../support/eventually.js';
import { dispatchLines } from '../support/implied-rows.js';

/** Where statements can be asked. */
type Asked = Pick<LedgerSite, 'ask'>;

/** Every event of a ledger as its row has it, to the last digit. */
export async function rowsOf(place: Asked): Promise<readonly string[]> {
  const rows = await place.ask<{ row: string }>(
    `select concat_ws(' ', partition, position, stream_id, version, type, schema_version, kind, queue,
      data::text, meta::text, recorded_at::text) as row
    from jobledger.events order by partition, position`,
  );
  return rows.map(({ row }) => row);
}

/** Everything that a ledger has by now goes to the topic; gives how many events that were. */
export async function publish(ledger: Ledger, brokers: string[], topic: string): Promise<number> {
  const events = async () =>
    (await ledger.publications()).find((one) => one.topic === topic)?.events ?? 0;
  const before = await events();
  let refused: LedgerError | undefined;
  // A topic that was made just now has no leaders for a moment.
  await eventually(
    async () => {
      await using relay = ledger.relay({ kafka: { brokers, topic } });
      refused = await relay.catchUp().then(
        () => undefined,
        (error: unknown) => {
          if (!isLedgerError(error) || error.code === 'BROKER_UNREACHABLE') throw error;
          return error;
        },
      );
    },
    { timeoutMs: 30_000 },
  );
  if (refused !== undefined) throw refused;
  return (await events()) - before;
}

/** What the ledger's own row says of whose it is and whether it may be written to. */
export async function identityOf(place: Asked): Promise<unknown> {
  const [row] = await place.ask('select id, partitions, epoch, role from jobledger.ledger');
  return row;
}

/** The log of one ledger is that of the other. */
export async function expectSameLog(one: Asked, other: Asked): Promise<void> {
  const rows = await rowsOf(one);
  expect(rows.length).toBeGreaterThan(0);
  expect(await rowsOf(other)).toEqual(rows);
}

/** The dispatch tables are what the log implies. */
export async function expectDispatch(place: Asked): Promise<void> {
  const { implied, actual } = await dispatchLines(place as LedgerSite);
  expect(actual).toEqual(implied);
}
