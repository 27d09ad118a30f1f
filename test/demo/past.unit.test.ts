import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/demo/facts.js';
import { momentsOf, reportPast } from '../../src/demo/past.js';
import { Screen } from '../../src/demo/screen.js';
import { fold } from '../../src/job/evolve.js';
import { FAILED, job, RECOVERED } from './histories.js';

describe('a look back', () => {
  it('is at the last event before a loss, at the loss, and at the end', () => {
    const times = momentsOf(job(RECOVERED)).map((at) => Date.parse(at));
    expect(times).toEqual([100, 2_300, 3_000]);
  });

  it('is not made at a job that was never lost', async () => {
    expect(momentsOf(job(FAILED))).toEqual([]);
    const { text, moment } = await told([FAILED]);
    expect({ text, moment }).toEqual({ text: '', moment: undefined });
  });

  it('tells what the ledger says of each time, and gives the first', async () => {
    const { text, moment } = await told([FAILED, RECOVERED]);
    expect(moment?.at).toBe('1970-01-01T00:00:00.100Z');
    expect(text.split('\n')).toEqual([
      '',
      'A lost job as it was at three times: a 1.0.0, job 3/1',
      '  1970-01-01T00:00:00.100Z  running    attempt 1 on worker 1',
      '  1970-01-01T00:00:02.300Z  retrying   worker 1 was lost',
      '  1970-01-01T00:00:03.000Z  succeeded  by attempt 2',
      '',
    ]);
  });
});

/** The part of the story, of jobs with these histories, on a ledger that folds them. */
async function told(histories: readonly Parameters<typeof job>[0][]) {
  let text = '';
  const screen = new Screen({ write: (more: string) => void (text += more) });
  const jobs = histories.map((steps) => job(steps));
  const lost = factsOf(jobs).lost;
  const get = (_id: string, { asOf }: { readonly asOf?: unknown } = {}) => {
    const events = lost[0]!.job.events.filter(({ recordedAt }) => recordedAt <= String(asOf));
    return Promise.resolve({ ...fold(events)!, shortId: '3/1' });
  };
  const moment = await reportPast(screen, { get }, { lost });
  return { text, moment };
}
