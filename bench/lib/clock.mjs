/** Milliseconds of a clock that never steps and that all processes of this machine share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Milliseconds since 1970 with fractions: the clock by which jobs are due. */
export function wallNow() {
  return performance.timeOrigin + performance.now();
}

/** Resolves no earlier than at this time of `now()`. */
export async function until(at) {
  for (let left = at - now(); left > 0; left = at - now()) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}
