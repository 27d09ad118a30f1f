import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { dataHome } from '../support/folder.js';
import { sharedBrokers } from '../support/kafka.js';
import { startCli } from '../support/processes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('the demo publishes as it runs, and ledger, topic and a service that reads it agree', async (context) => {
  const brokers = sharedBrokers(context).join(',');
  const data = await dataHome();
  const args = ['demo', '--json', '--data', data, '--brokers', brokers];
  const demo = startCli(args, { cwd: ROOT });
  expect(await demo.exit).toEqual({ code: 0, signal: null });
  const summary = JSON.parse(demo.lines.at(-1)!) as Record<string, unknown>;
  expect(summary).toMatchObject({ verified: true, kafka: { events: summary['events'] } });
  expect(demo.errorLines.join('\n')).toContain('counts what the read model counts');
}, 240_000);
