import { describe, expect, it } from 'vitest';
import { cliOn } from '../support/cli.js';
import { inState } from '../worker/site.js';
import { tracedSite } from './traced-site.js';

const site = tracedSite();
const QUICK = { heartbeatMs: 300, leaseMs: 2_000, pollIntervalMs: 200 };

describe('an attempt whose worker is lost', () => {
  it('has no span, but the next one links to it, and an export makes the span that is linked to', async () => {
    const lost = await site.start({ worker: QUICK });
    const id = await lost.ask({ command: 'enqueue', kind: 'wait' });
    await lost.waitForLine(`began ${id} 1`);
    await lost.kill('SIGKILL');
    const next = await site.start({ worker: QUICK });
    await inState(site.ledger, id, 'succeeded', 25_000);
    const second = await site.attempt(id, 2);
    await next.stop();
    const before = site.receiver.spans.filter((span) => span.attributes['jobledger.attempt'] === 1);
    expect(before).toEqual([]);
    const link = second.links.find(
      ({ attributes }) => attributes['jobledger.link'] === 'previous-attempt',
    );
    expect(link?.attributes['jobledger.attempt']).toBe(1);
    expect(
      (await cliOn(site.database.url).run(['trace', id, '--export'], { env: site.receiver.env }))
        .code,
    ).toBe(0);
    expect(await site.attempt(id, 1)).toMatchObject({
      ...{ traceId: link!.traceId, spanId: link!.spanId, status: 'ERROR' },
      attributes: { 'jobledger.outcome': 'lost', 'error.type': 'WorkerLost' },
    });
    // The spans of its time come with the ids that they had.
    const again = site.receiver.spans.filter(({ spanId }) => spanId === second.spanId);
    expect(again.map(({ traceId }) => traceId)).toEqual([second.traceId, second.traceId]);
  }, 120_000);
});
