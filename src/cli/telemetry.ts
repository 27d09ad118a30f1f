import { readOtelEnvironment } from '../config.js';
import type { Telemetry } from '../otel/set-up.js';

/**
 * Sets up OpenTelemetry if the standard OTEL_* variables say where spans go. Before the user's modules
 * are loaded, or their drivers would not be instrumented. Throws `MISSING_PACKAGE`.
 */
export async function startTelemetry(): Promise<Telemetry> {
  const { wantsTraces, wantsMetrics, wantsLogs } = readOtelEnvironment();
  if (!wantsTraces && !wantsMetrics && !wantsLogs) return { stop: () => Promise.resolve() };
  const { setUpTelemetry } = await import('../otel/set-up.js');
  return setUpTelemetry();
}
