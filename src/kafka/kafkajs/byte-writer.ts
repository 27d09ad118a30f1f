/** Bytes in Kafka's own spelling of numbers and texts, in a buffer that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #at = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#at;
  }

  /** What has been written; the next write may change it. */
  bytes(from = 0): Buffer {
    return this.#bytes.subarray(from, this.#at);
  }

  /** Leaves room for what is known only later; `patch` writes it. */
  skip(count: number): number {
    this.#need(count);
    this.#at += count;
    return this.#at - count;
  }

  patchInt32(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  patchUInt32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  int8(value: number): this {
    this.#need(1);
    this.#at = this.#bytes.writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#need(2);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#need(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  int64(value: bigint): this {
    this.#need(8);
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at);
    return this;
  }

  /** Text of up to 32,767 bytes. */
  string(value: string): this {
    const size = Buffer.byteLength(value);
    this.int16(size);
    this.#need(size);
    this.#at += this.#bytes.write(value, this.#at);
    return this;
  }

  /** An integer of 32 bits in as few bytes as it takes, small negative ones too. */
  varint(value: number): this {
    this.#need(5);
    let rest = (value << 1) ^ (value >> 31);
    while ((rest & ~0x7f) !== 0) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
    return this;
  }

  /** The same of 64 bits. */
  varlong(value: number): this {
    if (value >= -0x4000_0000 && value < 0x4000_0000) return this.varint(value);
    this.#need(10);
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
    return this;
  }

  /** Text behind its length in bytes. */
  vartext(value: string): this {
    // Up to 21 characters take at most 63 bytes, and their length one.
    if (value.length > 21) return this.#longText(value);
    this.#need(64);
    const size = this.#bytes.write(value, this.#at + 1);
    this.#bytes[this.#at] = size << 1;
    this.#at += size + 1;
    return this;
  }

  /** What `write` writes, behind its length in bytes. */
  sized(write: () => void): this {
    const start = this.skip(MOST_VARINT);
    const body = this.#at;
    write();
    const end = this.#at;
    this.#at = start;
    this.varint(end - body);
    this.#bytes.copyWithin(this.#at, body, end);
    this.#at += end - body;
    return this;
  }

  #longText(value: string): this {
    const size = Buffer.byteLength(value);
    this.varint(size);
    this.#need(size);
    this.#at += this.#bytes.write(value, this.#at);
    return this;
  }

  #need(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const more = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + count));
    this.#bytes.copy(more, 0, 0, this.#at);
    this.#bytes = more;
  }
}

const MOST_VARINT = 5;
