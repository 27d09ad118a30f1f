/** Lets at most so many calls run at a time; the others wait in line. */
export class Slots {
  readonly #limit: number;
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs the call when a slot is free. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await call();
    } finally {
      // The slot is handed on, so that no newcomer slips in before who waits.
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
