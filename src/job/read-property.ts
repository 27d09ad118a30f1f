/**
 * A property of a thrown value, undefined if it has none or will not give it: anything can be thrown,
 * revoked proxies and getters that throw too, and none of it may stop an outcome from being recorded.
 */
export function readProperty(value: unknown, key: PropertyKey): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function')
    return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}
