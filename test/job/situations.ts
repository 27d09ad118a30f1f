import * as give from './commands.js';
import { streamOf } from './stream.js';
import type { Stream } from './stream.js';

/** Every situation that the rules tell apart, each reached by commands, never made up. */
export const SITUATIONS = {
  none: () => streamOf(),
  scheduled: () => streamOf(give.enqueue({ runAt: '2026-03-01T00:00:00.000000Z' })),
  available: () => streamOf(give.enqueue()),
  running: () => streamOf(give.enqueue(), give.start()),
  canceling: () => streamOf(give.enqueue(), give.start(), give.cancel()),
  retrying: () => streamOf(give.enqueue(), give.start(), give.fail()),
  succeeded: () => streamOf(give.enqueue(), give.start(), give.succeed()),
  failed: () => streamOf(give.enqueue({ maxAttempts: 1 }), give.start(), give.fail()),
  canceled: () => streamOf(give.enqueue(), give.cancel()),
  discarded: () => streamOf(give.enqueue(), give.discard()),
} as const satisfies Record<string, () => Stream>;

export type Situation = keyof typeof SITUATIONS;
export const SITUATION_NAMES = Object.keys(SITUATIONS) as readonly Situation[];
