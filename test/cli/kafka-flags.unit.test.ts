import { describe, expect, it } from 'vitest';
import { findKafkaOptions, kafkaOptions } from '../../src/cli/kafka-flags.js';
import { readEnvironment } from '../../src/config.js';

const from = (env: Record<string, string>, flags = {}) =>
  findKafkaOptions(flags, readEnvironment(env).kafka);

describe('which brokers', () => {
  it('are those of the flag, else those of the environment, else none', () => {
    expect(from({ KAFKA_BROKERS: 'a:1, b:2' })).toEqual({ brokers: ['a:1', 'b:2'] });
    expect(from({ KAFKA_BROKERS: 'a:1' }, { brokers: 'c:3', topic: 't' })).toEqual({
      brokers: ['c:3'],
      topic: 't',
    });
    expect(from({})).toBeUndefined();
  });

  it.each(['', ' ', 'a:1,'])('are refused by name where the environment says %j', (text) => {
    expect(() => from({ KAFKA_BROKERS: text })).toThrow(/^KAFKA_BROKERS: expected names/);
  });

  it('are asked for where a command needs them', () => {
    expect(() => kafkaOptions({ brokers: ' ' })).toThrow('--brokers: expected names');
  });
});

describe('how to reach them', () => {
  const brokers = { KAFKA_BROKERS: 'a:1' };
  const login = { KAFKA_SASL_USERNAME: 'ada', KAFKA_SASL_PASSWORD: 'secret' };

  it('takes TLS and a login from the environment', () => {
    const found = from({
      ...{ ...brokers, ...login },
      ...{ KAFKA_SSL: 'true', KAFKA_SASL_MECHANISM: 'scram-sha-512' },
    });
    expect(found).toEqual({
      brokers: ['a:1'],
      ssl: true,
      sasl: { mechanism: 'scram-sha-512', username: 'ada', password: 'secret' },
    });
  });

  it.each([
    [{ KAFKA_SSL: 'yes' }, 'KAFKA_SSL: expected true or false, got "yes"'],
    [{ KAFKA_SSL_CA: '/nowhere.pem' }, 'KAFKA_SSL_CA: expected a readable file'],
    [{ KAFKA_SSL_CA: 'x', KAFKA_SSL: 'false' }, 'KAFKA_SSL_CA: expected KAFKA_SSL=true'],
    [{ KAFKA_SASL_USERNAME: 'ada' }, 'KAFKA_SASL_MECHANISM: expected text'],
    [{ ...login, KAFKA_SASL_MECHANISM: 'gssapi' }, 'KAFKA_SASL_MECHANISM: expected plain or'],
    [{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'a' }, 'KAFKA_SASL_PASSWORD: expected'],
  ])('refuses %j in one line that names the variable', (env, expected) => {
    expect(() => from({ ...brokers, ...env })).toThrow(expected);
  });
});
