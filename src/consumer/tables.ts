import { LedgerError } from '../errors.js';
import { quote, schemaProblem } from '../ledger/tables.js';

/** Schema of a consumer's tables unless said otherwise. */
export const CONSUMER_SCHEMA = 'jobledger_consumers';

/** A consumer's tables, quoted and qualified. */
export interface ConsumerTables {
  readonly schema: string;
  readonly groups: string;
  readonly positions: string;
  readonly parked: string;
  readonly members: string;
  readonly shares: string;
}

/** Names for a schema of any spelling. Throws `BAD_CONFIG`. */
export function consumerTables(schema: string): ConsumerTables {
  const problem = schemaProblem(schema);
  if (problem !== undefined) throw new LedgerError('BAD_CONFIG', problem);
  const qualified = (name: string) => `${quote(schema)}.${quote(name)}`;
  return {
    schema,
    groups: qualified('groups'),
    positions: qualified('positions'),
    parked: qualified('parked'),
    members: qualified('members'),
    shares: qualified('shares'),
  };
}
