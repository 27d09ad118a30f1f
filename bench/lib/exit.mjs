const steps = [];

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

/** From here on Ctrl-C and SIGTERM clean up first. */
export function undoAtSignals() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, () => {
      console.error(`bench: ${signal}, cleaning up`);
      void undoAll().then(() => process.exit(code));
    });
  }
}
