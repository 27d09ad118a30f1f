import type { Projection } from '../index.js';
import { importModule, nameOf } from './import-module.js';
import { badInput } from './parse.js';
import { projectionFaults } from './projection-faults.js';

/** A value that is to be a projection, and where it stands, for errors. */
interface Found {
  readonly place: string;
  readonly value: unknown;
}

/**
 * The read models of a user's module, or those that come with the package: its list `projections`,
 * else the list or the one that is its default, else all that it exports by name. Refuses in one
 * line what is none, and a name and version that is there twice. One made by another copy of the
 * package is as good.
 */
export async function loadProjections(path?: string): Promise<readonly Projection[]> {
  const source = path ?? SHIPPED;
  const exported = path === undefined ? await shipped() : await importModule(FLAG, path);
  const found = listed(source, exported) ?? named(exported);
  if (found.length === 0) {
    throw badInput(
      `${FLAG}: expected ${source} to export projections made by defineProjection, by name or in a list; found none`,
    );
  }
  const faults = found.flatMap(({ place, value }) => projectionFaults(place, value));
  const all = [...faults, ...twice(found)];
  if (all.length > 0) throw badInput(`${FLAG}: in ${source}: ${all.join('; ')}`);
  return found.map(({ value }) => value as Projection);
}

const FLAG = '--projections';
const SHIPPED: string = 'jobledger/projections';

/** By the package's own name, as a user would: nothing in src/ may know what is in there. */
async function shipped(): Promise<Record<string, unknown>> {
  return (await import(SHIPPED)) as Record<string, unknown>;
}

/** A module that exports a list says by it which ones it means, and in which order. */
function listed(source: string, exported: Record<string, unknown>): Found[] | undefined {
  const place = 'projections' in exported ? 'projections' : 'default';
  const list = exported[place];
  if (Array.isArray(list)) {
    return list.map((value: unknown, index) => ({ place: `${place}[${index}]`, value }));
  }
  if (list === undefined || (place === 'default' && typeof list === 'object')) return undefined;
  const expected = place === 'default' ? 'a projection or a list of them' : 'a list';
  throw badInput(`${FLAG}: ${place} of ${source}: expected ${expected}, got ${nameOf(list)}`);
}

/** Other exports may be anything; what has columns and a key is meant to be one. */
function named(exported: Record<string, unknown>): Found[] {
  const meant = Object.entries(exported).filter(([, value]) => {
    return typeof value === 'object' && value !== null && 'columns' in value && 'key' in value;
  });
  const values = new Map(meant.map(([place, value]) => [value, place]));
  return [...values].map(([value, place]) => ({ place, value }));
}

function twice(found: readonly Found[]): readonly string[] {
  const places = new Map<string, string>();
  return found.flatMap(({ place, value }) => {
    const { name, version } = (value ?? {}) as Partial<Projection>;
    if (name === undefined) return [];
    const id = `${name} version ${version}`;
    const before = places.get(id);
    places.set(id, before ?? place);
    return before === undefined ? [] : [`${place}: ${id} is there already: ${before}`];
  });
}
