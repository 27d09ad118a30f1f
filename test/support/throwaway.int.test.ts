import pg from 'pg';
import { expect, test } from 'vitest';
import { startPostgres, type ThrowawayPostgres } from './throwaway.js';

const ENDINGS = ['kill', 'stopImmediate', 'stop'] as const;

test.each(ENDINGS)('a throwaway server keeps what was committed through %s', async (ending) => {
  const server = await startPostgres();
  await ask(server, 'create table kept(a int)');
  await server[ending]();
  await expect(ask(server, 'select')).rejects.toThrow();
  await server.start();
  await expect(ask(server, 'table kept')).resolves.toEqual([]);
});

test('a throwaway server takes settings', async () => {
  const server = await startPostgres({ settings: ['max_connections=7'] });
  await expect(ask(server, 'show max_connections')).resolves.toEqual([{ max_connections: '7' }]);
});

async function ask(server: ThrowawayPostgres, statement: string): Promise<unknown[]> {
  const client = new pg.Client(server.url);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
