import { LedgerError } from '../../errors.js';

/** The same error as one of ours, in one line, if it is about reaching the brokers or logging in. */
function asBrokerError(error: unknown): unknown {
  const causes = causesOf(error);
  const refused = causes.find(({ name }) => name === 'KafkaJSSASLAuthenticationError');
  if (refused !== undefined) return unreachable(`login refused: ${refused.message}`, error);
  const away = causes.findLast(({ name }) => AWAY.has(name));
  return away === undefined ? error : unreachable(away.message, error);
}

const AWAY = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
]);

/** kafkajs wraps an error for each time that it has tried. */
function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let one = error; one instanceof Error && causes.length < 10; one = one.cause)
    causes.push(one);
  return causes;
}

function unreachable(text: string, cause: unknown): LedgerError {
  const line = text.replaceAll(/\s+/g, ' ');
  return new LedgerError('BROKER_UNREACHABLE', `kafka: ${line}`, { cause });
}

/** What is asked of a broker, with errors as ours. */
export async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw asBrokerError(error);
  }
}
