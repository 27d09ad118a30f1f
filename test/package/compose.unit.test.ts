import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { kafkaVersion } from '../../src/kafka-broker/jars.js';
import { kafkaImage } from '../support/docker-kafka.js';

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[]; readonly retries: number };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe('docker-compose.yml', () => {
  const compose = parse(readFileSync('docker-compose.yml', 'utf8')) as Compose;
  const services = Object.entries(compose.services);

  it('has the database and the broker', () => {
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(['postgres', 'kafka']));
  });

  it.each(services)('pins the image of %s to an exact version', (_, { image }) => {
    expect(image).toMatch(/^[a-z0-9/-]+:\d+\.\d+(\.\d+)?$/);
  });

  it.each(services)('asks %s whether it is well', (_, { healthcheck }) => {
    expect(healthcheck.test.length).toBeGreaterThan(1);
    expect(healthcheck.test[0]).toBe('CMD');
    expect(healthcheck.retries).toBeGreaterThan(0);
  });

  it.each(services)('lets nobody but this machine use %s', (_, { ports }) => {
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('gives no port away twice', () => {
    const ports = services.flatMap(([, service]) => service.ports);
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
  });

  it.each(services)('keeps the data of %s in a volume that has a name', (_, { volumes }) => {
    const names = volumes.map((volume) => volume.split(':')[0]);
    expect(names.length).toBeGreaterThan(0);
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(names));
  });

  it('has the version of Kafka that is fetched where no Docker is, also for the tests', async () => {
    const { image } = compose.services['kafka']!;
    expect(image).toBe(`apache/kafka:${kafkaVersion()}`);
    expect(await kafkaImage()).toBe(image);
  });

  it('sends clients on this machine to the port that is open to them', () => {
    const { environment, ports } = compose.services['kafka']!;
    const advertised = String(environment['KAFKA_ADVERTISED_LISTENERS']);
    expect(advertised.split(',')).toContain(`HOST://${ports[0]!.split(':', 2).join(':')}`);
  });
});
