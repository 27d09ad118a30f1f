/** Adds milliseconds to ISO 8601 text, its microseconds kept. */
export function addMs(at: string, ms: number): string {
  const micros = at.slice(23, 26).padEnd(3, '0').replace('Z', '0');
  return new Date(Date.parse(at) + Math.round(ms)).toISOString().replace('Z', `${micros}Z`);
}
