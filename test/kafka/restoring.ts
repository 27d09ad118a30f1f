import { expect } from 'vitest';
import type { Ledger } from 'jobledger';
import type { LedgerSite } from '../support/ledger.js';

/** Every event of a ledger as its row has it, to the last digit. */
export async function rowsOf(site: LedgerSite): Promise<readonly string[]> {
  const rows = await site.ask<{ row: string }>(
    `select concat_ws(' ', partition, position, stream_id, version, type, schema_version, kind, queue,
      data::text, meta::text, recorded_at::text) as row
    from jobledger.events order by partition, position`,
  );
  return rows.map(({ row }) => row);
}

/** Everything that a ledger has by now goes to the topic. */
export async function publish(ledger: Ledger, brokers: string[], topic: string): Promise<number> {
  const relay = ledger.relay({ kafka: { brokers, topic } });
  try {
    return await relay.catchUp();
  } finally {
    await relay.stop();
  }
}

/** What the ledger's own row says of whose it is and whether it may be written to. */
export async function identityOf(site: LedgerSite): Promise<unknown> {
  const [row] = await site.ask('select id, partitions, epoch, role from jobledger.ledger');
  return row;
}

/** The log of one ledger is that of the other. */
export async function expectSameLog(one: LedgerSite, other: LedgerSite): Promise<void> {
  const rows = await rowsOf(one);
  expect(rows.length).toBeGreaterThan(0);
  expect(await rowsOf(other)).toEqual(rows);
}
