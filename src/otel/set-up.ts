import { register } from 'node:module';
import { readOtelEnvironment } from '../config.js';
import { SYSTEM } from '../telemetry.js';
import { optional } from './packages.js';
import { within } from './within.js';

/** OpenTelemetry as it was set up in this process. */
export interface Telemetry {
  /** Sends what is still here and ends the SDK; waits 5 s at most. Harmless if called twice. */
  stop(): Promise<void>;
}

/** How long a receiver that does not answer may keep a process that wants to end, in milliseconds. */
const STOP_MS = 5_000;

/**
 * Sets up OpenTelemetry's SDK for Node, with `pg`, `kafkajs` and `pino` instrumented, as the standard
 * OTEL_* variables say. The hook for ES modules comes first: what was loaded before it is not
 * instrumented. Throws `MISSING_PACKAGE` with the command that installs what is missing.
 */
export async function setUpTelemetry(): Promise<Telemetry> {
  const env = readOtelEnvironment();
  const { NodeSDK, instrumentations } = await optional('OTEL_*', () => load(env.wantsLogs));
  const sdk = new NodeSDK({
    ...(env.hasServiceName ? {} : { serviceName: SYSTEM }),
    // The SDK's own default sends them to the receiver of spans, which may not want them.
    ...(env.wantsMetrics ? {} : { metricReaders: [] }),
    ...(env.wantsLogs ? {} : { logRecordProcessors: [] }),
    instrumentations,
  });
  sdk.start();
  let stopped: Promise<void> | undefined;
  return { stop: () => (stopped ??= within(sdk.shutdown(), STOP_MS)) };
}

async function load(wantsLogs: boolean) {
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
  const [{ NodeSDK }, { PgInstrumentation }, { KafkaJsInstrumentation }, { PinoInstrumentation }] =
    await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/instrumentation-pg'),
      import('@opentelemetry/instrumentation-kafkajs'),
      import('@opentelemetry/instrumentation-pino'),
    ]);
  const instrumentations = [
    new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
    new KafkaJsInstrumentation(),
    new PinoInstrumentation({ disableLogSending: !wantsLogs }),
  ];
  return { NodeSDK, instrumentations };
}
