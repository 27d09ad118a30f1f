import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tracedSite } from './traced-site.js';

const site = tracedSite();

it('a projector makes a span of its first batch, with a few links to what wrote its events', async () => {
  const child = await site.start({ projector: true });
  const items = Array.from({ length: 30 }, () => ({ job: 'succeed', payload: null }));
  const ids = (await child.ask({ command: 'many', items })).split(',');
  await site.ledger.caughtUp('jobs');
  const last = await site.attempt(ids.at(-1)!, 1);
  await site.ledger.caughtUp('jobs', ids.at(-1));
  await child.stop();
  const folds = await eventually(async () => {
    const found = site.receiver.spans.filter(({ name }) => name === 'fold');
    expect(found.length).toBeGreaterThan(0);
    return found;
  });
  // Batches of all partitions have been folded by what serves and by what grows, each from one on.
  expect(folds.length).toBeLessThanOrEqual(2);
  const known = new Set(site.receiver.spans.map(({ spanId }) => spanId));
  for (const { kind, parentSpanId, attributes, links } of folds) {
    expect([kind, parentSpanId]).toEqual(['INTERNAL', undefined]);
    expect(attributes['jobledger.read_models']).toContain('jobs');
    expect(Number(attributes['jobledger.events'])).toBeGreaterThan(0);
    expect(links.length).toBeLessThanOrEqual(4);
    for (const link of links) expect(known).toContain(link.spanId);
  }
  expect(folds.some(({ links }) => links.length > 0)).toBe(true);
  expect(last.status).toBe('UNSET');
}, 90_000);
