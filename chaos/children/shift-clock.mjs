// Preloaded into a worker: its clock is wrong by minutes. Everything that reads the time of day sees
// it; timers and durations, which run on the monotonic clock, do not.
const shiftMs = Number(process.env.CHAOS_SHIFT_MS ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
