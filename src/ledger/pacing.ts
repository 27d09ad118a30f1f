/** From one look to the next while events keep coming, in milliseconds: folded together they cost less. */
const BUSY_MS = 50;
/** How long it rests when everything is folded, in milliseconds. */
const REST_MS = 200;

/** When to look again for events: at once while there is a backlog, else not too often. */
export class Pacing {
  #begunAt = -Infinity;
  #heard = false;

  /** A look begins. */
  begin(): void {
    this.#begunAt = performance.now();
    this.#heard = false;
  }

  /** Something has happened: whether to look at once, instead of when the rest is over. */
  hear(): boolean {
    if (performance.now() - this.#begunAt >= BUSY_MS) return true;
    this.#heard = true;
    return false;
  }

  /** How long to rest after a look that found so many events. */
  rest(read: number, isBehind: boolean): number {
    if (read > 0 && isBehind) return 0;
    return read > 0 || this.#heard ? BUSY_MS : REST_MS;
  }
}
