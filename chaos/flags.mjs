// The command line of `npm run chaos`.

const WHOLE = {
  seed: /^[\w-]{1,40}$/,
  faults: /^[1-9]\d{0,5}$/,
  kills: /^[1-9]\d{0,5}$/,
  minutes: /^\d{1,4}(\.\d+)?$/,
};

const SWITCHES = new Set(['--kafka', '--json', '--keep']);

/** The flags of a run, or one line that says what is wrong with them. */
export function readFlags(args) {
  const flags = {
    seed: undefined,
    faults: 60,
    kills: undefined,
    minutes: 10,
    kafka: false,
    json: false,
    keep: false,
  };
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index].replace(/^--/, '');
    if (SWITCHES.has(args[index])) flags[name] = true;
    else if (args[index].startsWith('--') && Object.hasOwn(WHOLE, name)) {
      const value = args[(index += 1)] ?? '';
      if (!WHOLE[name].test(value)) throw new Error(`--${name}: ${EXPECTED[name]}, got "${value}"`);
      flags[name] = name === 'seed' ? value : Number(value);
    } else
      throw new Error(
        `${args[index]}: expected --kafka, --seed, --faults, --kills, --minutes, --json or --keep`,
      );
  }
  // The one thing that is not drawn from the seed.
  flags.seed ??= Math.random().toString(36).slice(2, 10);
  return flags;
}

const EXPECTED = {
  seed: 'expected 1 to 40 letters, digits, _ or -',
  faults: 'expected a whole number from 1',
  kills: 'expected a whole number from 1',
  minutes: 'expected a number',
};
