import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, Projection } from '../../src/index.js';
import { projections } from '../../projections/index.js';
import { openSite, type Site } from '../worker/site.js';
import { happenings, live, startWorkers } from './workload.js';

test('shipped read models that follow at work are what the log says; damage is found, and a rebuild mends it', async () => {
  const site = await openSite();
  const ledgers = [site.ledger, await site.open()];
  await startWorkers(site);
  await fc.assert(
    fc.asyncProperty(happenings(), damages(), async (all, damage) => {
      const projectors = ledgers.map((ledger) => ledger.projector({ projections }));
      for (const projector of projectors) await projector.start();
      await live(site, all);
      for (const { name } of projections) await site.ledger.caughtUp(name);
      for (const projector of projectors) await projector.stop();
      expect(await faultsOf(site)).toEqual([]);
      for (const [n, projection] of projections.entries())
        await spoil(site, projection, damage[n]!);
      expect(await faultsOf(site)).toEqual(projections.map(({ name }) => name));
      const models = site.ledger.projections({ projections });
      for (const { name } of projections) await models.rebuild(name);
      expect(await faultsOf(site)).toEqual([]);
    }),
    { numRuns: 2, endOnFailure: true },
  );
  const types = await site.sql<{ type: string }>(
    'select distinct type::text from jobledger.events',
  );
  expect(types.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['AttemptLost', 'AttemptFailed']),
  );
}, 120_000);

/** The read models that differ from the log, by name. */
async function faultsOf({ ledger }: Site): Promise<readonly string[]> {
  const found = await ledger.projections({ projections }).verify();
  expect(found).toHaveLength(projections.length);
  for (const { verified, differing, differences } of found)
    expect({ differing: differing > 0, told: differences.length > 0 }).toEqual({
      differing: !verified,
      told: !verified,
    });
  const names = new Set(found.filter(({ verified }) => !verified).map(({ name }) => name));
  return projections.map(({ name }) => name).filter((name) => names.has(name));
}

interface Damage {
  readonly what: 'delete' | 'change' | 'add';
  readonly at: number;
}

function damages(): fc.Arbitrary<readonly Damage[]> {
  const one = fc.record({
    what: fc.constantFrom('delete', 'change', 'add'),
    at: fc.nat(1_000_000),
  });
  const length = projections.length;
  return fc.array(one, { minLength: length, maxLength: length });
}

/** Damages one row of the table that is served: any row, and any column of it. */
async function spoil({ sql }: Site, projection: Projection, { what, at }: Damage): Promise<void> {
  const { name, columns, key } = projection;
  const [build] = await sql<{ table: string }>(
    `select format('jobledger.%I', table_name) as table from jobledger.projections where name = $1 and state = 'live'`,
    [name],
  );
  const table = build!.table;
  const [row] = await sql<{ ctid: string }>(
    `select ctid::text from ${table} order by ctid offset $1 % (select count(*) from ${table}) limit 1`,
    [at],
  );
  const one = `where ctid = '${row!.ctid}'`;
  if (what === 'delete') await sql(`delete from ${table} ${one}`);
  const others = Object.keys(columns).filter((column) => !key.includes(column));
  const column = what === 'add' ? key[0]! : others[at % others.length]!;
  const changed = otherThan(column, columns[column]!);
  if (what === 'change') await sql(`update ${table} set ${column} = ${changed} ${one}`);
  const values = Object.keys(columns).map((each) => (each === column ? changed : each));
  if (what === 'add')
    await sql(`insert into ${table}(${Object.keys(columns).join()})
      select ${values.join()} from ${table} ${one}`);
}

/** SQL for another value than a column has. */
function otherThan(name: string, { type }: Column): string {
  switch (type) {
    case 'uuid':
      return 'gen_random_uuid()';
    case 'text':
      return `coalesce(${name}, '') || 'x'`;
    case 'int4':
    case 'int8':
    case 'float8':
      return `coalesce(${name}, 0) + 1`;
    case 'bool':
      return `not ${name}`;
    case 'timestamptz':
      return `coalesce(${name}, now()) + interval '1 microsecond'`;
    case 'jsonb':
      return `jsonb_build_array(${name})`;
  }
}
