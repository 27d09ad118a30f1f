// Starts the benchmark's server in a folder and waits to be ended, as its driver does. With `under`
// as the second argument it runs another of its kind instead, as npm does, and ends without it.
import { spawn } from 'node:child_process';
import { undoAtSignals } from '../../../bench/lib/exit.mjs';
import { openServer } from '../../../bench/lib/server.mjs';

const [, file, folder, under] = process.argv;
if (under === 'under') {
  const env = { ...process.env, npm_lifecycle_event: 'bench' };
  spawn(process.execPath, [file, folder], { env, stdio: ['ignore', 'inherit', 'ignore'] });
} else {
  undoAtSignals();
  const { pid } = await openServer({ folder });
  console.log(`ready ${process.pid} ${pid}`);
}
// Until a signal comes.
setInterval(() => undefined, 60_000);
