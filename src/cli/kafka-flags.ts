import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readEnvironment, type KafkaEnvironment } from '../config.js';
import type { KafkaLogin, KafkaOptions } from '../index.js';
import { badInput, names, oneOf } from './parse.js';
import type { StoreFlags } from './store-flags.js';

export type KafkaFlags = StoreFlags & {
  readonly brokers?: string;
  readonly topic?: string;
};

/** Which brokers and topic, for the commands that speak to Kafka. */
export function addKafkaOptions(command: Command): Command {
  return command
    .option('--brokers <addresses>', 'Kafka brokers, host:port apart by commas; else KAFKA_BROKERS')
    .option('--topic <name>', "the ledger's topic (default: jobledger.events)");
}

/** The part of `--help` that names what is read from the environment. */
export const KAFKA_HELP = `
From the environment: KAFKA_BROKERS; KAFKA_SSL=true, KAFKA_SSL_CA (a file of certificates);
KAFKA_SASL_MECHANISM (plain, scram-sha-256, scram-sha-512), KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD.`;

/** Kafka options as the flags and the environment have them; undefined if neither names brokers. */
export function findKafkaOptions(
  flags: KafkaFlags,
  kafka = readEnvironment().kafka,
): KafkaOptions | undefined {
  const brokers = brokersOf(flags, kafka);
  if (brokers === undefined) return undefined;
  const ssl = sslOf(kafka);
  const sasl = loginOf(kafka);
  return {
    brokers,
    ...(flags.topic !== undefined && { topic: flags.topic }),
    ...(ssl !== undefined && { ssl }),
    ...(sasl !== undefined && { sasl }),
  };
}

/** The same for a command that does nothing without brokers. */
export function kafkaOptions(flags: KafkaFlags): KafkaOptions {
  const found = findKafkaOptions(flags);
  if (found !== undefined) return found;
  throw badInput('--brokers: expected host:port, apart by commas; or set KAFKA_BROKERS');
}

function brokersOf(flags: KafkaFlags, { brokers }: KafkaEnvironment) {
  if (flags.brokers !== undefined) return names('--brokers')(flags.brokers);
  return brokers === undefined ? undefined : names('KAFKA_BROKERS')(brokers);
}

function sslOf({ ssl, sslCa }: KafkaEnvironment): KafkaOptions['ssl'] {
  const wanted = ssl === undefined ? undefined : oneOf('KAFKA_SSL', ['true', 'false'])(ssl);
  if (sslCa === undefined) return wanted === undefined ? undefined : wanted === 'true';
  if (wanted === 'false')
    throw badInput('KAFKA_SSL_CA: expected KAFKA_SSL=true with it, got KAFKA_SSL=false');
  return { ca: certificates(sslCa) };
}

function certificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw badInput(
      `KAFKA_SSL_CA: expected a readable file of certificates, got ${JSON.stringify(file)}: ${why}`,
    );
  }
}

/** All of them or none: a password without its user would be a login that nobody asked for. */
function loginOf({ mechanism, username, password }: KafkaEnvironment): KafkaLogin | undefined {
  if (mechanism === undefined && username === undefined && password === undefined) return undefined;
  const given = (name: string, value: string | undefined): string => {
    if (value !== undefined && value.trim() !== '') return value;
    throw badInput(
      `${name}: expected text, since KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD go together`,
    );
  };
  return {
    mechanism: oneOf('KAFKA_SASL_MECHANISM', ['plain', 'scram-sha-256', 'scram-sha-512'])(
      given('KAFKA_SASL_MECHANISM', mechanism),
    ),
    username: given('KAFKA_SASL_USERNAME', username),
    password: given('KAFKA_SASL_PASSWORD', password),
  };
}
