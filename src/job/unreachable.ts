/** Ends a switch over a union: the compiler proves that nothing is left, this catches foreign data. */
export function unreachable(value: never, what: string): never {
  throw new TypeError(`unknown ${what}: ${JSON.stringify(value)?.slice(0, 200)}`);
}
