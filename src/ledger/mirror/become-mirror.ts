/**
 * A ledger's way from an empty schema to a mirror and from a mirror to a primary. While it is a mirror,
 * triggers on its events refuse everybody but the copier, so that a writer that has not heard of it does
 * no harm and a copy that was broken off is never taken for whole. It never changes or removes an event.
 */
import type pg from 'pg';
import { within } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { IS_MIRROR_STATE } from '../../sql-errors.js';
import type { Store } from '../store.js';
import { quote } from '../tables.js';

/** What a ledger is by its topic. */
export interface Identity {
  readonly ledgerId: string;
  readonly epoch: number;
}

/** The setting by which the copier names itself. */
export const COPYING = 'jobledger.copying';

/**
 * Makes a ledger without events the mirror of another: from here on it has that one's id. Throws
 * `LEDGER_NOT_EMPTY` if it has events or accepted jobs of its own.
 */
export async function adopt(store: Store, { ledgerId, epoch }: Identity): Promise<void> {
  await within(store.database, BEGIN, async (client) => {
    await lockLedger(store, client);
    await refuseFilled(store, client);
    await guardEvents(store, client);
    await client.query({
      text: `update ${store.tables.ledger} set id = $1, epoch = $2, role = 'mirror'`,
      values: [ledgerId, epoch],
    });
  });
}

/** Makes a ledger a mirror of its own topic, to take over what it has lost. Harmless if it is one. */
export async function suspend(store: Store): Promise<void> {
  await within(store.database, BEGIN, async (client) => {
    await lockLedger(store, client);
    await guardEvents(store, client);
    await client.query(`update ${store.tables.ledger} set role = 'mirror'`);
  });
}

/**
 * Ends the copying: from here on the ledger is written to. Every partition that has no event of the
 * ledger's epoch yet begins it behind what it has. Harmless if it is a primary already.
 */
export async function becomePrimary(store: Store, why: Why): Promise<void> {
  await within(store.database, BEGIN, async (client) => {
    await lockLedger(store, client);
    await beginMissingEpochs(store, client, why);
    for (let partition = 0; partition < store.partitions; partition++)
      await client.query(`drop trigger if exists ${GUARD} on ${store.tables.eventsOf(partition)}`);
    await client.query(`update ${store.tables.ledger} set role = 'primary'`);
  });
  store.role.now = 'primary';
}

/** Who does it, and why; kept with the epochs. */
export interface Why {
  readonly actor: string;
  readonly reason: string;
}

const GUARD = 'copied_only';
/** Tables of which each is locked for a moment; who has one longer is waited for in vain. */
const BEGIN = `begin isolation level read committed; set local lock_timeout = '10s'`;

async function lockLedger(store: Store, client: pg.PoolClient): Promise<void> {
  await client.query(`select from ${store.tables.ledger} for update`);
}

/** A row of the inbox was promised to somebody: it is as good as an event. */
async function refuseFilled(store: Store, client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ events: boolean; inbox: boolean }>(
    `select exists (select from ${store.tables.events}) as events,
      exists (select from ${store.tables.inbox}) as inbox`,
  );
  const { events, inbox } = rows[0]!;
  if (!events && !inbox) return;
  throw new LedgerError(
    'LEDGER_NOT_EMPTY',
    `database: expected a schema without events, got one that has ${events ? 'events' : 'accepted jobs'}; --tail takes over what is missing at the end of a ledger of the same topic`,
  );
}

/** One call for each statement, and none at all once the ledger is a primary. */
async function guardEvents(store: Store, client: pg.PoolClient): Promise<void> {
  const refuse = `${quote(store.tables.schema)}.refuse_all_but_copies`;
  const statements = [
    `create or replace function ${refuse}() returns trigger language plpgsql as
      $$ begin if coalesce(current_setting('${COPYING}', true), '') <> 'true' then
        raise exception 'jobledger: this ledger is a mirror' using errcode = '${IS_MIRROR_STATE}';
      end if; return null; end $$`,
  ];
  for (let partition = 0; partition < store.partitions; partition++)
    statements.push(
      `create or replace trigger ${GUARD} before insert on ${store.tables.eventsOf(partition)}
        for each statement execute function ${refuse}()`,
    );
  await client.query(statements.join(';\n'));
}

async function beginMissingEpochs(
  store: Store,
  client: pg.PoolClient,
  { actor, reason }: Why,
): Promise<void> {
  const { ledger, epochs, events } = store.tables;
  await client.query({
    text: `insert into ${epochs}(epoch, partition, start, actor, reason)
      select l.epoch, p, coalesce((select max(position) from ${events} where partition = p), 0) + 1, $1, $2
      from ${ledger} l cross join generate_series(0, l.partitions - 1) p
      where l.epoch > 1 on conflict do nothing`,
    values: [actor, reason],
  });
}
