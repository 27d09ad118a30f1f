import type { ClientConfig } from 'pg';
import type { DatabaseOption, LedgerOptions } from './api.js';
import { LedgerError } from './errors.js';

/** The only reader of the environment. */
export interface Environment {
  readonly databaseUrl: string | undefined;
  readonly logLevel: string | undefined;
  readonly kafka: KafkaEnvironment;
}

/** What the environment says of Kafka, as it stands there. */
export interface KafkaEnvironment {
  /** `KAFKA_BROKERS`. */
  readonly brokers: string | undefined;
  /** `KAFKA_SSL`. */
  readonly ssl: string | undefined;
  /** `KAFKA_SSL_CA`. */
  readonly sslCa: string | undefined;
  /** `KAFKA_SASL_MECHANISM`, `KAFKA_SASL_USERNAME`, `KAFKA_SASL_PASSWORD`. */
  readonly mechanism: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What the environment says; read once, by the CLI. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  return {
    databaseUrl: env['DATABASE_URL'],
    logLevel: env['JOBLEDGER_LOG_LEVEL'],
    kafka: {
      brokers: env['KAFKA_BROKERS'],
      ssl: env['KAFKA_SSL'],
      sslCa: env['KAFKA_SSL_CA'],
      mechanism: env['KAFKA_SASL_MECHANISM'],
      username: env['KAFKA_SASL_USERNAME'],
      password: env['KAFKA_SASL_PASSWORD'],
    },
  };
}

/** What of the standard OTEL_* variables decides whether and how telemetry is set up. */
export interface OtelEnvironment {
  /** Somebody said where spans go, and did not switch the SDK off. */
  readonly wantsTraces: boolean;
  readonly wantsMetrics: boolean;
  readonly wantsLogs: boolean;
  readonly hasServiceName: boolean;
  /** How `trace --export` sends: JSON if asked for, else protobuf. */
  readonly isJson: boolean;
}

/** Reads the standard variables; everything else of them the SDK reads itself. */
export function readOtelEnvironment(env: NodeJS.ProcessEnv = process.env): OtelEnvironment {
  const isSet = (name: string) => (env[name] ?? '').trim() !== '';
  const off = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
  const exports = (name: string) => !off && isSet(name) && env[name]?.trim() !== 'none';
  const endpoint =
    isSet('OTEL_EXPORTER_OTLP_ENDPOINT') || isSet('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const protocol =
    env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? '';
  return {
    wantsTraces: isSet('OTEL_TRACES_EXPORTER') ? exports('OTEL_TRACES_EXPORTER') : endpoint && !off,
    wantsMetrics: exports('OTEL_METRICS_EXPORTER'),
    wantsLogs: exports('OTEL_LOGS_EXPORTER'),
    hasServiceName:
      isSet('OTEL_SERVICE_NAME') || /\bservice\.name=/.test(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''),
    isJson: protocol.trim() === 'http/json',
  };
}

/** Ledger options, checked together and made whole. */
export interface LedgerSettings {
  readonly database: { readonly embedded: string } | { readonly config: ClientConfig };
  readonly schema: string;
  readonly migrate: boolean;
  readonly partitions: number;
  readonly pooler: boolean;
  readonly maxConnections: number;
  readonly enqueueTimeoutMs: number;
  readonly whenBufferFull: 'wait' | 'reject';
}

/** Where the embedded database lives unless said otherwise. */
export const EMBEDDED_FOLDER = './.jobledger';

/** Checks the options of `openLedger`; every fault is told at once, those already found too. */
export function ledgerSettings(
  options: LedgerOptions,
  found: readonly string[] = [],
): LedgerSettings {
  const problems = [...found];
  const integer = (
    name: 'partitions' | 'maxConnections' | 'enqueueTimeoutMs',
    min: number,
    max: number,
    fallback: number,
  ) => {
    const value = options[name] ?? fallback;
    if (!Number.isInteger(value) || value < min || value > max) {
      problems.push(`${name}: expected an integer from ${min} to ${max}, got ${String(value)}`);
    }
    return value;
  };
  const database = databaseOf(options.database);
  const settings: LedgerSettings = {
    database,
    schema: options.schema ?? 'jobledger',
    migrate: options.migrate ?? 'embedded' in database,
    partitions: integer('partitions', 1, 256, 16),
    pooler: options.pooler ?? false,
    maxConnections: integer('maxConnections', 2, 1_000, 8),
    enqueueTimeoutMs: integer('enqueueTimeoutMs', 0, 86_400_000, 30_000),
    whenBufferFull: options.whenBufferFull ?? 'wait',
  };
  if (!['wait', 'reject'].includes(settings.whenBufferFull)) {
    problems.push(`whenBufferFull: expected 'wait' or 'reject'`);
  }
  if (problems.length > 0) throw new LedgerError('BAD_CONFIG', problems.join('; '));
  return settings;
}

/** A blank URL is an error, never a silent fall-back to the embedded database. */
function databaseOf(option: DatabaseOption | undefined): LedgerSettings['database'] {
  if (option === undefined) return { embedded: EMBEDDED_FOLDER };
  if (typeof option === 'string') return { config: { connectionString: checkedUrl(option) } };
  if (typeof option !== 'object' || option === null) {
    const expected = 'a Postgres URL, a pg configuration or { embedded: folder }';
    throw new LedgerError('BAD_CONFIG', `database: expected ${expected}, got ${String(option)}`);
  }
  if ('embedded' in option) {
    if (typeof option.embedded !== 'string' || option.embedded.trim() === '') {
      throw new LedgerError('BAD_CONFIG', 'database.embedded: expected the path of a folder');
    }
    return { embedded: option.embedded };
  }
  if (option.connectionString !== undefined) checkedUrl(option.connectionString);
  return { config: option };
}

/** A Postgres URL as given; throws one line for anything else, without showing a password. */
export function checkedUrl(text: string, field = 'database'): string {
  if (text.trim() === '') {
    throw new LedgerError('BAD_DATABASE_URL', `${field}: expected a Postgres URL, got blank text`);
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    const got = scheme === undefined ? 'text without a scheme' : `${scheme}://`;
    throw new LedgerError('BAD_DATABASE_URL', `${field}: expected postgres://…, got ${got}`);
  }
  if (!/^[a-z]+:\/\//i.test(text)) {
    throw new LedgerError('BAD_DATABASE_URL', `${field}: expected postgres://…, got ${scheme}:`);
  }
  // `postgres://user@/db?host=/socket` has no host, which the URL standard does not allow.
  if (!URL.canParse(text.replace(/^([a-z]+:\/\/(?:[^@/]*@)?)(?=\/)/i, '$1localhost'))) {
    throw new LedgerError('BAD_DATABASE_URL', `${field}: expected a well-formed Postgres URL`);
  }
  return text;
}
