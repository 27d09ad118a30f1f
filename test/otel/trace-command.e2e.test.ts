import { describe, expect, it, onTestFinished } from 'vitest';
import { job, inState, openSite, type Site } from '../worker/site.js';
import { cliOn, expectRefused } from '../support/cli.js';
import { startOtlp, type OtlpReceiver, type ReceivedSpan } from '../support/otlp.js';

/** A job that fails twice and then succeeds, on a ledger of its own, without any SDK. */
async function flakyJob(): Promise<{ site: Site; id: string }> {
  const site = await openSite();
  const flaky = job('flaky', (_, { attempt }) => {
    if (attempt < 3) throw Object.assign(new Error(`no ${attempt}`), { code: 'ECONNRESET' });
  });
  const { id } = await site.ledger.enqueue(flaky, {}, { correlationId: 'order 7' });
  await site.start({ jobs: [flaky] });
  await inState(site.ledger, id, 'succeeded');
  return { site, id };
}

async function receiver(): Promise<OtlpReceiver> {
  const started = await startOtlp();
  onTestFinished(() => started.close());
  return started;
}

describe('jobledger trace', { timeout: 120_000 }, () => {
  it('draws where the time of each attempt went, within 80 columns', async () => {
    const { site, id } = await flakyJob();
    const { code, lines } = await cliOn(site.url).run(['trace', id]);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^flaky in queue default, succeeded after \d/);
    expect(lines.filter((line) => /^ {2}\d {2}/.test(line))).toEqual([
      expect.stringMatching(/█.* retrying$/),
      expect.stringMatching(/█.* retrying$/),
      expect.stringMatching(/█.* succeeded$/),
    ]);
    expect(lines.filter((line) => line.includes('network: no '))).toHaveLength(2);
    for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(80);
  });

  it('answers the same in JSON', async () => {
    const { site, id } = await flakyJob();
    expect(await cliOn(site.url).json(['trace', id])).toMatchObject({
      ...{ id, kind: 'flaky', queue: 'default', state: 'succeeded' },
      enqueue: { recorded: false },
      rows: [
        { attempt: 1, outcome: 'retrying', error: { category: 'network' }, recorded: false },
        { attempt: 2, outcome: 'retrying' },
        { attempt: 3, outcome: 'succeeded' },
      ],
    });
  });

  it('refuses what it cannot do in one line', async () => {
    const { site, id } = await flakyJob();
    const on = cliOn(site.url);
    expect(expectRefused(await on.run(['trace']))).toContain('id: expected one');
    expect(expectRefused(await on.run(['trace', id, '--kind', 'a']))).toContain('not both');
    expect(expectRefused(await on.run(['trace', '--kind', 'a']))).toContain('--export');
    expect(expectRefused(await on.run(['trace', '3/99999']), 1)).toContain('not found');
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    };
    const refused = expectRefused(await on.run(['trace', id, '--export'], { env }), 3);
    expect(refused).toContain('the receiver of spans took nothing');
  });
});

describe('jobledger trace --export', { timeout: 120_000 }, () => {
  it('sends the spans of a job with its historical times', async () => {
    const { site, id } = await flakyJob();
    const { url, env, spans } = await receiver();
    expect(url).not.toBe('');
    const { code, lines } = await cliOn(site.url).run(['trace', id, '--export'], { env });
    expect([code, lines]).toEqual([0, ['sent 4 spans of 1 job in 3 traces']]);
    const [send, first, second, third] = spans as [ReceivedSpan, ...ReceivedSpan[]];
    const history = await site.ledger.history(id);
    const failed = history.find(({ type }) => type === 'AttemptFailed')!;
    expect(send).toMatchObject({ name: 'send default', kind: 'PRODUCER', scope: 'jobledger' });
    expect(first).toMatchObject({
      ...{ name: 'process default', kind: 'CONSUMER', status: 'ERROR', statusMessage: 'no 1' },
      ...{ traceId: send.traceId, parentSpanId: send.spanId },
      attributes: {
        'messaging.message.id': id,
        'messaging.message.conversation_id': 'order 7',
        'jobledger.attempt': 1,
        'jobledger.outcome': 'retrying',
        'jobledger.error.category': 'network',
        'jobledger.recreated': true,
      },
      resource: { 'service.name': 'jobledger' },
    });
    const { startedAt, durationMs } = failed.data as { startedAt: string; durationMs: number };
    expect(Math.abs(first!.startMs - Date.parse(startedAt))).toBeLessThan(1);
    expect(first!.endMs - first!.startMs).toBeCloseTo(durationMs, 2);
    expect(second!.links).toMatchObject([
      { spanId: send.spanId, attributes: { 'jobledger.link': 'enqueue' } },
      { spanId: first!.spanId, attributes: { 'jobledger.link': 'previous-attempt' } },
    ]);
    expect(third).toMatchObject({ status: 'UNSET', parentSpanId: undefined });
  });

  it('sends the very same spans when asked again', async () => {
    const { site, id } = await flakyJob();
    const { env, requests } = await receiver();
    for (let time = 0; time < 2; time++)
      await cliOn(site.url).run(['trace', id, '--export'], { env });
    expect(requests).toHaveLength(2);
    expect(requests[0]!.body.equals(requests[1]!.body)).toBe(true);
  });

  it('sends protobuf unless JSON is asked for', async () => {
    const { site, id } = await flakyJob();
    const { url, requests } = await receiver();
    await cliOn(site.url).run(['trace', id, '--export'], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    });
    expect(requests).toMatchObject([{ path: '/v1/traces', contentType: 'application/x-protobuf' }]);
    expect(requests[0]!.body.includes('process default')).toBe(true);
  });

  it('sends those of all jobs that fit a filter', async () => {
    const { site, id } = await flakyJob();
    const [one, two] = [job('one', () => 1), job('two', () => 2)];
    const worker = await site.start({ jobs: [one, two] });
    const many = Array.from({ length: 150 }, () => ({ job: one, payload: {} }));
    const ids = [...(await site.ledger.enqueueMany(many)), await site.ledger.enqueue(two, {})];
    for (const { id: each } of ids) await inState(site.ledger, each, 'succeeded');
    await worker.stop();
    const { projections } = await import('../../projections/index.js');
    const projector = site.ledger.projector({ projections });
    onTestFinished(() => projector.stop());
    await projector.start();
    await site.ledger.caughtUp('jobs');
    const { env, spans } = await receiver();
    const args = ['trace', '--export', '--kind', 'one', '--enqueued-after', '10m'];
    expect((await cliOn(site.url).run(args, { env })).lines).toEqual([
      'sent 300 spans of 150 jobs in 150 traces',
    ]);
    expect(new Set(spans.map(({ attributes }) => attributes['jobledger.job.kind']))).toEqual(
      new Set(['one']),
    );
    expect(id).not.toBe('');
  });
});
