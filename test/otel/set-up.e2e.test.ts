import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';
import { startOtlp, type OtlpReceiver } from '../support/otlp.js';
import { startCli, startNode } from '../support/processes.js';
import { inState } from '../worker/site.js';
import { openLedger } from '../../src/index.js';

const DIST = new URL('../../dist/', import.meta.url);

const JOBS = `
const { defineJob } = await import('${new URL('index.js', DIST).href}');
const payload = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export const plain = defineJob({ kind: 'plain', payload, handle: () => undefined });
`;

/** A file of a project that has the packages of this one. */
async function file(name: string, text: string): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  return path;
}

async function receiver(): Promise<OtlpReceiver> {
  const started = await startOtlp();
  onTestFinished(() => started.close());
  return started;
}

async function ledgerOn() {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const ledger = await openLedger({ database: database.url, logger: false });
  onTestFinished(() => ledger.close());
  return { url: database.url, ledger };
}

// Longer than any test: what arrives was sent because the process ended.
const HELD = { OTEL_BSP_SCHEDULE_DELAY: '600000' };

describe('jobledger work', { timeout: 60_000 }, () => {
  it('sends its spans where OTEL_* say, those of its last second when SIGTERM stops it', async () => {
    const [{ url, ledger }, { env, spans }] = [await ledgerOn(), await receiver()];
    const args = ['work', '--jobs', await file('jobs.mjs', JOBS), '--database', url];
    const child = startCli(args, { env: { ...env, ...HELD, OTEL_SERVICE_NAME: 'mail' } });
    await child.waitForLine('started');
    const { id } = await ledger.enqueue('plain', {});
    await inState(ledger, id, 'succeeded');
    expect(spans).toEqual([]);
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    const [span] = spans.filter(({ name }) => name === 'process default');
    expect(span).toMatchObject({
      attributes: { 'messaging.message.id': id },
      // Its enqueue made no span.
      ...{ links: [], parentSpanId: undefined },
      resource: { 'service.name': 'mail' },
    });
  });

  it('is not kept by a receiver that does not answer', async () => {
    const { url, ledger } = await ledgerOn();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://10.255.255.1:4318', ...HELD };
    const args = ['work', '--jobs', await file('jobs.mjs', JOBS), '--database', url];
    const child = startCli(args, { env });
    await child.waitForLine('started');
    const { id } = await ledger.enqueue('plain', {});
    await inState(ledger, id, 'succeeded');
    const since = performance.now();
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(9_000);
  });

  it.each([
    ['nothing says where', {}],
    ['OTEL_SDK_DISABLED', { OTEL_SDK_DISABLED: 'true' }],
    ['OTEL_TRACES_EXPORTER=none', { OTEL_TRACES_EXPORTER: 'none' }],
  ])('sends nothing with %s', async (name, more) => {
    const [{ url, ledger }, { env, requests }] = [await ledgerOn(), await receiver()];
    const args = ['work', '--jobs', await file('jobs.mjs', JOBS), '--database', url];
    const child = startCli(args, { env: name.startsWith('nothing') ? {} : { ...env, ...more } });
    await child.waitForLine('started');
    const { id } = await ledger.enqueue('plain', {});
    await inState(ledger, id, 'succeeded');
    await child.kill('SIGTERM');
    expect(requests).toEqual([]);
    expect((await ledger.history(id)).map(({ meta }) => meta)).toEqual([{}, {}, {}]);
  });
});

describe('import of jobledger/otel', { timeout: 60_000 }, () => {
  const otel = new URL('otel/otel.js', DIST).href;
  const start = (end: string, env: Readonly<Record<string, string>>) => {
    const path = fileURLToPath(new URL('../support/children/service.mjs', import.meta.url));
    return startNode(path, { args: [otel, end], env });
  };

  it('sends what it has when the process has nothing more to do', async () => {
    const { env, spans } = await receiver();
    const child = start('', { ...env, ...HELD });
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(spans.map(({ name }) => name)).toEqual(['asked']);
  });

  it('sends it on SIGTERM, which still ends the process', async () => {
    const { env, spans } = await receiver();
    const child = start('stay', { ...env, ...HELD });
    await child.waitForLine('within');
    expect(await child.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    expect(spans.map(({ name }) => name)).toEqual(['asked']);
  });

  it('lets lines of pino lead to the span, in ES modules too', async () => {
    const { env, spans } = await receiver();
    const child = start('', env);
    const line = JSON.parse(await child.waitForLine('within')) as object;
    await child.exit;
    await eventually(async () => expect(spans).toHaveLength(1));
    expect(line).toMatchObject({ trace_id: spans[0]!.traceId, span_id: spans[0]!.spanId });
  });
});

it('names the packages that are missing, with the command that installs them', async () => {
  const { env } = await receiver();
  const hide = await file(
    'hide.mjs',
    `import { register } from 'node:module';
     register('data:text/javascript,' + encodeURIComponent(\`
       export const resolve = (name, context, next) => {
         if (!name.startsWith('@opentelemetry/instrumentation')) return next(name, context);
         throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: 'ERR_MODULE_NOT_FOUND' });
       };\`));`,
  );
  const child = startCli(
    ['work', '--jobs', 'none.mjs', '--database', 'postgres://localhost/none'],
    {
      env: { ...env, NODE_OPTIONS: `--import ${pathToFileURL(hide).href}` },
    },
  );
  expect(await child.exit).toMatchObject({ code: 2 });
  expect(child.errorLines.join('\n')).toMatch(
    /OTEL_\*: @opentelemetry\/\S+ is not installed; run 'npm install @opentelemetry\/sdk-node/,
  );
});
