import { defineJob } from 'jobledger';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
const site = await ledgerSite();
const ran: string[] = [];
const note = defineJob({
  kind: 'note',
  payload: z.string(),
  handle: (payload) => void ran.push(payload),
});
test('x', async () => {
  const ledger = await site.open({ jobs: [note] });
  const {id} = await ledger.enqueue(note, 'waits');
  await ledger.worker({ jobs: [note] }).start();
  await eventually(async () => expect((await ledger.get(id))?.state).toBe('succeeded'));
  const t = Date.now();
  await ledger.close();
  console.log('closed in', Date.now()-t);
});
