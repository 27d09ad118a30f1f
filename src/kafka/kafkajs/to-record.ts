import type { IHeaders } from 'kafkajs';
import type { KafkaRecord, RecordHeaders } from '../client.js';

/** What kafkajs gives of a record. */
interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders | Readonly<Record<string, Buffer>> | undefined;
}

/** A record as our port has it. */
export function toRecord({ offset, key, value, headers }: Message): KafkaRecord {
  return {
    offset: Number(offset),
    key: key === null ? null : key.toString(),
    value: value === null ? null : value.toString(),
    headers: new Headers(headers ?? {}),
  };
}

class Headers implements RecordHeaders {
  constructor(private readonly raw: NonNullable<Message['headers']>) {}

  get(name: string): string | undefined {
    const value = this.raw[name];
    return value === undefined ? undefined : value.toString();
  }
}
