/** What nobody should throw and somebody will. None says anything about its trouble. */
export function hostileValues(): readonly unknown[] {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const trap = (): never => {
    throw new Error('hands off');
  };
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  return [
    'just text',
    '',
    undefined,
    null,
    0,
    Number.NaN,
    5n,
    true,
    Symbol('thrown'),
    trap,
    {},
    [],
    cyclic,
    Object.create(null),
    revoked.proxy,
    new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap }),
    { toJSON: trap, toString: trap },
    Object.defineProperty({}, 'message', { get: trap }),
    { message: 'x', headers: revoked.proxy, retryAfter: revoked.proxy, errors: revoked.proxy },
  ];
}
