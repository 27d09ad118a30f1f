import type { ClientConfig } from 'pg';

/**
 * What must be said against a configuration, since the heartbeat's thread cannot have it: functions
 * and sockets stay where they were made. Left out silently, a check that the user asked for would
 * not take place, or the heartbeat would speak to another server than the rest.
 */
export function threadProblems(config: ClientConfig): readonly string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    if (CARRIED.has(name) || (typeof value === 'function' && name !== 'stream')) continue;
    if (!isPlain(value)) problems.push(problem(`database.${name}`, 'host and port'));
  }
  for (const [name, value] of tlsOf(config)) {
    if (name === IDENTITY && (value === undefined || typeof value === 'function')) continue;
    const expected = name === IDENTITY ? 'a function' : (INSTEAD[name] ?? 'plain data');
    if (!isPlain(value)) problems.push(problem(`database.ssl.${name}`, expected));
  }
  return problems;
}

/** A configuration without problems as it is copied to the thread. */
export function threadConfig(config: ClientConfig): ClientConfig {
  const given = Object.entries(config) as [string, unknown][];
  const plain = given.filter(([name, value]) => !CARRIED.has(name) && typeof value !== 'function');
  const tls = Object.fromEntries(tlsOf(config).filter(([name]) => name !== IDENTITY));
  return {
    ...Object.fromEntries(plain),
    ...(typeof config.password === 'string' ? { password: config.password } : {}),
    ...(config.ssl === undefined ? {} : { ssl: isTls(config.ssl) ? tls : config.ssl }),
  };
}

/** The user's own check of the server's name, which the thread asks for on the main thread. */
export function identityCheckOf({ ssl }: ClientConfig): IdentityCheck | undefined {
  const check = isTls(ssl) ? ssl[IDENTITY] : undefined;
  return typeof check === 'function' ? check : undefined;
}

export type IdentityCheck = NonNullable<Tls['checkServerIdentity']>;
type Tls = Exclude<ClientConfig['ssl'], boolean | undefined>;

const IDENTITY = 'checkServerIdentity';
/** What goes to the thread, or is done for it, in a way of its own. */
const CARRIED = new Set(['types', 'password', 'ssl']);
const INSTEAD: Readonly<Record<string, string>> = {
  secureContext: 'ca, cert and key, from which it is made',
};

function problem(field: string, expected: string): string {
  return `${field}: cannot reach the heartbeat's own thread; expected ${expected}`;
}

function isTls(ssl: ClientConfig['ssl']): ssl is Tls {
  return typeof ssl === 'object' && ssl !== null;
}

/** `pg` hides the key from being listed, in the user's own object. */
function tlsOf({ ssl }: ClientConfig): [string, unknown][] {
  if (!isTls(ssl)) return [];
  const listed = Object.entries(ssl).filter(([name]) => name !== 'key');
  return 'key' in ssl ? [...listed, ['key', ssl.key]] : listed;
}

function isPlain(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
