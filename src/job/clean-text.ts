/**
 * Text as jsonb can hold it, within so many bytes of UTF-8: `\u0000` and lone surrogates, which
 * Postgres refuses, become U+FFFD, and a cut never leaves half a character behind.
 */
export function cleanText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes && !UNSTORABLE.test(text)) return text;
  // A character is at least a byte: cutting first keeps a text of megabytes from being copied.
  const bytes = Buffer.from(text.slice(0, maxBytes).replaceAll('\u0000', '\uFFFD'));
  if (bytes.length <= maxBytes) return bytes.toString();
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

const UNSTORABLE = /[\0\p{Cs}]/u;
