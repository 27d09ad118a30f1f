import pg from 'pg';
import { createDatabase, type Database } from '../../src/database.js';

/**
 * Plans as the server made and ran them: `auto_explain` sends each, of every statement of a pool of
 * ours, back to the client. So nothing is explained that the ledger does not really run: same
 * names, parameters in binary, session settings, generic plans.
 */

/** A node of a plan in JSON, with what is read of it here. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'TID Cond'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** A statement that ran, and how. */
export interface LoggedPlan {
  readonly text: string;
  readonly plan: PlanNode;
}

export interface PlanLog {
  readonly database: Database;
  /** What ran since the last call, once all of it has ended. */
  take(): LoggedPlan[];
}

const LOGGING = [
  'session_preload_libraries=auto_explain',
  'auto_explain.log_min_duration=0',
  'auto_explain.log_analyze=on',
  'auto_explain.log_buffers=on',
  'auto_explain.log_timing=off',
  'auto_explain.log_format=json',
  'auto_explain.log_level=notice',
];

/**
 * A pool like the ledger's own, whose plans are written down. Needs a superuser's account. `instead`
 * is a statement that changes its sessions' settings.
 */
export function openPlanLog(config: pg.ClientConfig, instead = ''): PlanLog {
  const options = LOGGING.map((setting) => `-c ${setting}`).join(' ');
  const database = createDatabase({ ...config, options }, { pooler: false, maxConnections: 5 });
  let plans: LoggedPlan[] = [];
  database.pool.on('connect', (client) => {
    if (instead !== '') client.query(instead).catch(() => undefined);
    client.on('notice', ({ message = '' }) => {
      const json = /^duration: .*? plan:\n(\{.*\})$/s.exec(message)?.[1];
      if (json === undefined) return;
      const logged = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
      plans.push({ text: logged['Query Text'], plan: logged.Plan });
    });
  });
  const take = () => {
    const taken = plans;
    plans = [];
    return taken;
  };
  return { database, take };
}

/** Whether the account of this URL may have its plans logged. */
export async function mayLogPlans(url: string): Promise<boolean> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

/** Columns that the scan of an index must be bound by, by the index's name. */
export type LeadingColumns = ReadonlyMap<string, readonly string[]>;

/**
 * What a plan does that depends on luck or on statistics: reading a table as a whole, or an index
 * from end to end; joining a table of ours by anything but look-ups.
 */
export function faultsOf(plan: PlanNode, leading: LeadingColumns): string[] {
  return nodesOf(plan).flatMap((node) => {
    const on = `${node['Node Type']} on ${node['Relation Name'] ?? node['Index Name'] ?? '?'}`;
    switch (node['Node Type']) {
      case 'Seq Scan':
      case 'Bitmap Heap Scan':
      case 'Sample Scan':
        return [on];
      case 'Hash Join':
      case 'Merge Join':
        return scans(node).length > 0 ? [`${node['Node Type']} of ${scans(node).join(', ')}`] : [];
      case 'Tid Scan':
        return node['TID Cond'] === undefined ? [`${on} without a condition`] : [];
      case 'Index Scan':
      case 'Index Only Scan': {
        const condition = node['Index Cond'] ?? '';
        const columns = leading.get(node['Index Name']!) ?? ['(an index that is not known)'];
        const missing = columns.filter((name) => !new RegExp(`\\b${name}\\b`).test(condition));
        return missing.length === 0 ? [] : [`${on}: no condition on ${missing.join(', ')}`];
      }
      default:
        return [];
    }
  });
}

/** Blocks that the plan's scans and writes touched, each time counted. */
export function blocksOf(plan: PlanNode): number {
  return nodesOf(plan)
    .filter((node) => node['Relation Name'] !== undefined)
    .reduce((sum, node) => sum + ownBlocks(node), 0);
}

/** The same of what looks for rows of one table: dead ones that are passed over count too. */
export function blocksSearched(plan: PlanNode, table: string): number {
  return nodesOf(plan)
    .filter((node) => node['Relation Name'] === table && /^Index/.test(node['Node Type']))
    .reduce((sum, node) => sum + ownBlocks(node), 0);
}

/** A node's count includes that of the nodes below it, run on its behalf. */
function ownBlocks(node: PlanNode): number {
  const below = (node.Plans ?? []).reduce((total, child) => total + inclusive(child), 0);
  return Math.max(0, inclusive(node) - below);
}

function inclusive(node: PlanNode): number {
  return node['Shared Hit Blocks'] + node['Shared Read Blocks'];
}

function scans(node: PlanNode): string[] {
  return nodesOf(node).flatMap((one) => one['Relation Name'] ?? []);
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
