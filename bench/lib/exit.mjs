import { readFileSync } from 'node:fs';

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

/** From here on a signal cleans up first, and so does the end of the npm that started us. */
export function undoAtSignals() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.on(signal, () => interrupt(signal, code));
  }
  watchNpm(() => interrupt('npm has ended', 143));
}

function interrupt(why, code) {
  // npm passes on what the terminal has sent to us too: the second must not stop the first.
  if (interrupted) return;
  interrupted = true;
  console.error(`bench: ${why}, cleaning up`);
  void undoAll().then(() => process.exit(code));
}

const LOOK_MS = 1_000;

/** A signal to npm ends npm, and at best the shell between us: neither passes it on. */
function watchNpm(ended) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = thoseAbove();
  const look = setInterval(() => {
    if (thoseAbove() === before) return;
    clearInterval(look);
    ended();
  }, LOOK_MS);
  look.unref();
}

/** npm, and the shell between us if there is one; nobody above npm is a concern of ours. */
function thoseAbove() {
  const { ppid } = process;
  const { command, parent } = processAt(ppid) ?? {};
  return /^(npm|node)/.test(command ?? '') ? `${ppid}` : `${ppid} ${parent}`;
}

function processAt(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command stands in brackets and may hold any character, brackets too.
    const [open, close] = [stat.indexOf('('), stat.lastIndexOf(')')];
    return { command: stat.slice(open + 1, close), parent: stat.slice(close + 2).split(' ')[1] };
  } catch {
    return undefined; // it has ended, or this is no Linux
  }
}
