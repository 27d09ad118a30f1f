import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tracedSite, type TracedChild } from './traced-site.js';

const site = tracedSite();
let child: TracedChild;
beforeAll(async () => {
  child = await site.start({ worker: { heartbeatMs: 100, leaseMs: 1_500, pollIntervalMs: 100 } });
});

const enqueue = (kind: string, more: object = {}): Promise<string> =>
  child.ask({ command: 'enqueue', kind, ...more });

describe('an attempt that succeeds', () => {
  it('is the child of its enqueue, which is the child of who asked for it', async () => {
    const id = await enqueue('succeed', { options: { correlationId: 'order 7' } });
    const attempt = await site.attempt(id, 1);
    const send = await site.sendOf(attempt);
    expect(attempt).toMatchObject({ parentSpanId: send.spanId, traceId: send.traceId });
    const ask = await site.span(({ spanId }) => spanId === send.parentSpanId);
    expect(ask.name).toBe('ask enqueue');
    expect(send).toMatchObject({
      ...{ name: 'send default', kind: 'PRODUCER', status: 'UNSET', links: [], events: [] },
      attributes: {
        'messaging.system': 'jobledger',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'default',
        'messaging.message.id': id,
        'jobledger.job.kind': 'succeed',
        'jobledger.job.created': true,
      },
    });
    expect(attempt).toMatchObject({
      ...{ name: 'process default', kind: 'CONSUMER', status: 'UNSET', events: [] },
      attributes: {
        'messaging.system': 'jobledger',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'default',
        'messaging.destination.partition.id': String(Number.parseInt(id.slice(-2), 16) % 16),
        'messaging.message.id': id,
        'messaging.message.conversation_id': 'order 7',
        'jobledger.job.kind': 'succeed',
        'jobledger.attempt': 1,
        'jobledger.outcome': 'succeeded',
      },
    });
    expect(attempt.attributes).not.toHaveProperty('error.type');
    expect(attempt.attributes['jobledger.worker']).toBeGreaterThan(0);
    expect(attempt.links).toMatchObject([
      { spanId: send.spanId, attributes: { 'jobledger.link': 'enqueue' } },
    ]);
  });

  it('says its ids in the event of its outcome, and its enqueue in that of the enqueue', async () => {
    const id = await enqueue('succeed');
    const attempt = await site.attempt(id, 1);
    const send = await site.sendOf(attempt);
    const [enqueued, started, succeeded] = await site.ledger.history(id);
    expect(enqueued!.meta.traceparent).toBe(`00-${send.traceId}-${send.spanId}-01`);
    expect(started!.meta).toEqual({});
    expect(succeeded!.meta.traceparent).toBe(`00-${attempt.traceId}-${attempt.spanId}-01`);
  });

  it('runs its handler in its span, with baggage, and its log lines lead there', async () => {
    const id = await enqueue('tell');
    const { traceId, spanId } = await site.attempt(id, 1);
    expect(await child.waitForLine(`told ${spanId}`)).toBe(`told ${spanId} Ada & Co`);
    const told = JSON.parse((await child.waitForLine(/^log .*"told"/)).slice(4)) as object;
    expect(told).toMatchObject({ jobId: id, trace_id: traceId, span_id: spanId });
    expect((await site.ledger.history(id))[0]!.meta.baggage).toBe('customer=Ada%20%26%20Co');
  });
});

describe('an attempt that fails', () => {
  it('has each retry in a trace of its own, linked to the enqueue and to the attempt before', async () => {
    const id = await enqueue('flaky');
    const [first, second, third] = [
      ...[await site.attempt(id, 1), await site.attempt(id, 2), await site.attempt(id, 3)],
    ] as const;
    const send = await site.sendOf(first);
    expect(first).toMatchObject({ parentSpanId: send.spanId, status: 'ERROR' });
    expect(new Set([first.traceId, second.traceId, third.traceId]).size).toBe(3);
    for (const [later, before, number] of [
      [second, first, 1] as const,
      [third, second, 2] as const,
    ]) {
      expect(later.parentSpanId).toBeUndefined();
      expect(later.links).toMatchObject([
        { traceId: send.traceId, spanId: send.spanId },
        {
          ...{ traceId: before.traceId, spanId: before.spanId },
          attributes: { 'jobledger.link': 'previous-attempt', 'jobledger.attempt': number },
        },
      ]);
    }
    expect(third).toMatchObject({
      status: 'UNSET',
      attributes: { 'jobledger.outcome': 'succeeded' },
    });
  });

  it('records its error with type and category, and when it will be tried again', async () => {
    const id = await enqueue('flaky');
    expect(await site.attempt(id, 1)).toMatchObject({
      ...{ status: 'ERROR', statusMessage: 'no 1' },
      attributes: {
        'jobledger.outcome': 'retrying',
        'error.type': 'Error',
        'jobledger.error.category': 'network',
        'jobledger.retry.delay_ms': expect.any(Number) as number,
      },
      events: [
        {
          name: 'exception',
          attributes: { 'exception.type': 'Error', 'exception.message': 'no 1' },
        },
      ],
    });
  });

  it('for good says so', async () => {
    const attempt = await site.attempt(await enqueue('fatal'), 1);
    expect(attempt).toMatchObject({
      status: 'ERROR',
      attributes: { 'jobledger.outcome': 'failed', 'error.type': 'NonRetryableError' },
    });
    expect(attempt.attributes).not.toHaveProperty('jobledger.retry.delay_ms');
  });

  it('by its timeout ends when its time is over', async () => {
    const id = await enqueue('slow', { options: { timeout: 200, maxAttempts: 1 } });
    const attempt = await site.attempt(id, 1);
    expect(attempt).toMatchObject({
      status: 'ERROR',
      attributes: {
        'jobledger.outcome': 'failed',
        'error.type': 'TimeoutError',
        'jobledger.error.category': 'timeout',
      },
    });
    expect(attempt.endMs - attempt.startMs).toBeGreaterThanOrEqual(199);
  });
});

describe('what is no error', () => {
  it('a cancel', async () => {
    const id = await enqueue('wait');
    await child.waitForLine(`began ${id} 1`);
    await child.ask({ command: 'cancel', id });
    const attempt = await site.attempt(id, 1);
    expect(attempt).toMatchObject({ status: 'UNSET', events: [] });
    expect(attempt.attributes).toMatchObject({ 'jobledger.outcome': 'canceled' });
    expect(attempt.attributes).not.toHaveProperty('error.type');
  });

  it('a snooze', async () => {
    const id = await enqueue('snoozer');
    expect(await site.attempt(id, 1)).toMatchObject({
      ...{ status: 'UNSET', events: [] },
      attributes: { 'jobledger.outcome': 'snoozed' },
    });
    const second = await site.attempt(id, 2);
    expect(second).toMatchObject({ parentSpanId: undefined, links: [{}] });
    expect((await site.sendOf(second)).attributes['messaging.message.id']).toBe(id);
  });
});

describe('an enqueue', () => {
  it('of many is one span, and their attempts begin traces of their own that link to it', async () => {
    const items = ['succeed', 'tell'].map((job) => ({ job, payload: null }));
    const ids = (await child.ask({ command: 'many', items })).split(',');
    const attempts = [await site.attempt(ids[0]!, 1), await site.attempt(ids[1]!, 1)];
    const sends = [await site.sendOf(attempts[0]!), await site.sendOf(attempts[1]!)];
    expect(sends[0]!.spanId).toBe(sends[1]!.spanId);
    expect(sends[0]!.attributes).toMatchObject({ 'messaging.batch.message_count': 2 });
    expect(sends[0]!.attributes).not.toHaveProperty('messaging.message.id');
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined]);
  });

  it('in a transaction is continued when the job has come into the ledger', async () => {
    const id = await child.ask({ command: 'transaction', kind: 'succeed' });
    const attempt = await site.attempt(id, 1);
    const send = await site.sendOf(attempt);
    expect(attempt.parentSpanId).toBe(send.spanId);
    const insert = await site.span(
      ({ parentSpanId, kind }) => parentSpanId === send.spanId && kind === 'CLIENT',
    );
    expect(insert.scope).toBe('@opentelemetry/instrumentation-pg');
  });

  it('for later is linked to, not a parent', async () => {
    const id = await enqueue('succeed', { options: { delay: 50 } });
    const attempt = await site.attempt(id, 1);
    expect(attempt.parentSpanId).toBeUndefined();
    expect((await site.sendOf(attempt)).traceId).not.toBe(attempt.traceId);
  });

  it.each([
    ['link', {}, false],
    ['child', { delay: 50 }, true],
  ])('may ask for %s', async (trace, options, isChild) => {
    const id = await enqueue('succeed', { options: { ...options, trace } });
    const attempt = await site.attempt(id, 1);
    expect(attempt.parentSpanId === (await site.sendOf(attempt)).spanId).toBe(isChild);
  });

  it('that fails says why', async () => {
    const id = await enqueue('succeed');
    const answer = await enqueue('tell', { options: { id } });
    expect(answer).toBe('error JOB_EXISTS');
    const refused = await site.span(({ attributes }) => attributes['error.type'] === 'JOB_EXISTS');
    expect(refused).toMatchObject({ name: 'send default', status: 'ERROR' });
  });
});

describe('a worker’s own work', () => {
  it('makes no span, though it was started, woken and flushed within spans of its callers', async () => {
    await enqueue('succeed');
    await child.ask({ command: 'many', items: [{ job: 'succeed', payload: null }] });
    await child.ask({
      command: 'cancel',
      id: await enqueue('succeed', { options: { delay: 60_000 } }),
    });
    await site.span(({ name }) => name === 'start');
    // A parent may be sent after its children: until then nobody knows whose they are.
    await eventually(() => expect(strayQueries()).toEqual([]));
    expect(queriesReceived().length).toBeGreaterThan(0);
  });

  const queriesReceived = () => site.receiver.spans.filter(({ scope }) => scope.endsWith('-pg'));

  /** A command's queries are its caller's, as the statement of an enqueue in his transaction is. */
  const strayQueries = (): readonly string[] => {
    const nameOf = new Map(site.receiver.spans.map(({ spanId, name }) => [spanId, name]));
    return queriesReceived()
      .map(({ name, parentSpanId = '' }) => ({ name, parent: nameOf.get(parentSpanId) ?? '?' }))
      .filter(({ parent }) => !['ask cancel', 'ask transaction', 'send default'].includes(parent))
      .map(({ name, parent }) => `${name} in ${parent}`);
  };
});
