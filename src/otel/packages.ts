import { LedgerError } from '../errors.js';

/** The command that installs what telemetry needs beside the package itself. */
export const INSTALL =
  'npm install @opentelemetry/sdk-node@0.223 @opentelemetry/instrumentation@0.223 ' +
  '@opentelemetry/instrumentation-pg@0.76 @opentelemetry/instrumentation-kafkajs@0.32 ' +
  '@opentelemetry/instrumentation-pino@0.69';

/** Loads optional packages; throws `MISSING_PACKAGE` with the command if one is not installed. */
export async function optional<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error)) throw error;
    const name = /'(@opentelemetry\/[^'/]+)/.exec((error as Error).message)?.[1] ?? 'a package';
    const text = `${what}: ${name} is not installed; run '${INSTALL}'`;
    throw new LedgerError('MISSING_PACKAGE', text, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
