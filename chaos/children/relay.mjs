// A relay process of a chaos run. Argument: its orders as JSON. Prints "ready" when it publishes, or
// waits for a broker that is away; SIGTERM ends it well.
import { setTimeout as pause } from 'node:timers/promises';
import { load } from '../program.mjs';

const orders = JSON.parse(process.argv[2]);
// Its end of the line is closed when the run has died: nobody is to go on then.
process.stdin.resume().on('end', () => process.exit(1));
const { openLedger } = await load(orders.program, 'index.js');

// Postgres may be away when a relay is started.
for (;;) {
  const ledger = await openLedger({ database: orders.url, ...orders.ledger }).catch(
    () => undefined,
  );
  if (ledger === undefined) {
    await pause(200);
    continue;
  }
  const relay = ledger.relay(orders.relay);
  process.once('SIGTERM', () => void end(relay, ledger).then(() => process.exit(0), failed));
  await relay.start().catch(failed);
  console.log('ready');
  break;
}

async function end(relay, ledger) {
  await relay.stop();
  await ledger.close();
}

function failed(error) {
  console.error(error);
  process.exit(1);
}
