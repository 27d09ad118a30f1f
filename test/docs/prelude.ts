/**
 * What the snippets of the documents take for granted, so that each can stay short. A snippet that
 * declares one of these names itself has its own.
 */
export const PRELUDE = `
import type { JobContract, Ledger, LedgerWorker, RunnableJob, Schema } from 'jobledger';
import type { Kysely } from 'kysely';
import type pg from 'pg';

interface Email { to: string; template: string }
interface Options { signal: AbortSignal; idempotencyKey?: string }

declare global {
  const ledger: Ledger;
  const worker: LedgerWorker;
  const id: string;
  const payload: Email;
  const sendEmail: JobContract<Schema<Email>, Schema<{ messageId: string }>>;
  const sendEmailJob: RunnableJob<Schema<Email>, Schema<{ messageId: string }>>;
  const report: RunnableJob<Schema<{ month: string }>>;
  const payment: JobContract<Schema<{ amount: number }>>;
  const pool: pg.Pool;
  const db: Kysely<{ orders: { item: string } }>;
  const mailer: { send(to: string, template: string, options: Options): Promise<string> };
  const bank: { charge(amount: number): Promise<'done' | 'closed' | 'busy'> };
  const warehouse: {
    isComplete(month: string): Promise<boolean>;
    read(month: string, options: Options): Promise<readonly object[]>;
    publish(rows: readonly object[], options: Options): Promise<string>;
  };
}
`;
