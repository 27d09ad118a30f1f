const steps = [];
let interrupted = false;

/** Registers what must be undone when the program ends, also by Ctrl-C; the last comes first. */
export function onExit(step) {
  steps.push(step);
  return () => {
    const index = steps.indexOf(step);
    if (index >= 0) steps.splice(index, 1);
  };
}

/** Undoes everything that is left to undo. A step that fails is told and stops no other. */
export async function undoAll() {
  while (steps.length > 0) {
    try {
      await steps.pop()();
    } catch (error) {
      console.error(`bench: ${error.message}`);
    }
  }
}

/**
 * What fails while an interrupted program is cleaned up fails because of that: such an error never
 * comes out of here, others do.
 */
export async function unlessInterrupted(error) {
  if (interrupted) await new Promise(() => undefined);
  throw error;
}

/** From here on Ctrl-C and SIGTERM clean up first. */
export function undoAtSignals() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.on(signal, () => {
      // npm passes on what the terminal has sent to us too: the second must not stop the first.
      if (interrupted) return;
      interrupted = true;
      console.error(`bench: ${signal}, cleaning up`);
      void undoAll().then(() => process.exit(code));
    });
  }
}
