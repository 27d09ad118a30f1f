import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, NonRetryableError, RetryLaterError, type EnqueueOptions } from 'jobledger';
import { EVENT_TYPES } from '../../src/job/events.js';
import { readTexts } from '../../src/kafka/read-texts.js';
import type { EventText } from '../../src/kafka/record.js';
import { histories, write } from '../as-of/history.js';
import { fuzz, step, takeAll } from '../ledger/random-steps.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { openSite } from '../worker/site.js';
import { recordProblems } from './schemas.js';

const site = await ledgerSite();

/** Every event of the ledger as the relay reads it, and that there were some. */
async function stored(partitions = 16): Promise<readonly EventText[]> {
  const store = await site.store();
  const pages = Array.from({ length: partitions }, (_, one) => readTexts(store, one, 1, 100_000));
  const events = (await Promise.all(pages)).flatMap((page) => page.events);
  expect(events.length).toBeGreaterThan(0);
  return events;
}
