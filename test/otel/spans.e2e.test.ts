import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startOtlp, type OtlpReceiver, type ReceivedSpan } from '../support/otlp.js';
import { startChild, type TestProcess } from '../support/processes.js';

describe('the spans of real processes', () => {
  let database: TestDatabase;
  let receiver: OtlpReceiver;
  let child: TestProcess;

  beforeAll(async () => {
    [database, receiver] = await Promise.all([createDatabase(), startOtlp()]);
    child = startChild('traced.mjs', {
      args: [JSON.stringify({ url: database.url })],
      env: receiver.env,
    });
    await child.waitForLine('ready');
  });

  afterAll(async () => {
    await child.kill();
    await receiver.close();
    await database.drop();
  });

  it('an attempt is the child of its enqueue, which is the child of who asked for it', async () => {
    child.stdin.write(`${JSON.stringify({ command: 'enqueue', kind: 'succeed' })}\n`);
    const process = await span(({ name }) => name === 'process default');
    const send = await span(({ spanId }) => spanId === process.parentSpanId);
    const ask = await span(({ spanId }) => spanId === send.parentSpanId);
    expect([ask.name, send.name, send.kind, process.kind]).toEqual([
      ...['ask enqueue', 'send default', 'PRODUCER', 'CONSUMER'],
    ]);
  });

  const span = (fits: (one: ReceivedSpan) => boolean): Promise<ReceivedSpan> =>
    eventually(async () => {
      const found = receiver.spans.find(fits);
      expect(found).toBeDefined();
      return found!;
    });
});
