/**
 * `jobledger/otel`: one import that sets up OpenTelemetry for a service that uses jobledger. It owns the
 * process's SDK and promises to send what it has when the process ends, on SIGTERM and SIGINT too; it
 * never decides where spans go, which the standard OTEL_* variables say. Load it before everything else
 * (`node --import jobledger/otel server.js`): what was loaded earlier is not instrumented.
 */
import { setUpTelemetry } from './set-up.js';

const telemetry = await setUpTelemetry();

/** Sends what is still here and ends the SDK; waits 5 s at most. For programs that call `process.exit`. */
export function stopTelemetry(): Promise<void> {
  return telemetry.stop();
}

process.once('beforeExit', () => void telemetry.stop());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(signal));

/** Where nobody else listens, the signal ends the process as it would have without us, only later. */
async function end(signal: NodeJS.Signals): Promise<void> {
  const isAlone = process.listenerCount(signal) === 0;
  // Others may need minutes to stop, and their spans want to be sent too: that is for the end.
  if (!isAlone) return;
  await telemetry.stop();
  process.kill(process.pid, signal);
}
