import type { Transition } from '../../src/index.js';

/** A listener and what it was told, one line per transition of the job. */
export function listener() {
  const told: Transition[] = [];
  return {
    onTransition: (transition: Transition) => void told.push(transition),
    of: (id: string) =>
      told
        .filter(({ jobId }) => jobId === id)
        .map(({ from, to, event }) => `${from} > ${to}: ${event.type}`),
  };
}
