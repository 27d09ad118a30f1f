import { createHash } from 'node:crypto';

/** What a fingerprint is made of. */
export interface FingerprintSource {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/**
 * 16 hex digits that are equal for errors of one origin: of the name, the message without what varies
 * from case to case, and the function that threw. Line numbers stay out, since every deploy moves them.
 */
export function fingerprintOf(error: FingerprintSource): string {
  const parts = [error.name, normalized(error.message), ownFunction(error.stack ?? '')];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Quotes come first, as they may hold anything; numbers last, as ids and paths hold them. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/(?<![\p{L}\p{N}])(["'`])(?:(?!\1).)*\1(?![\p{L}\p{N}])/gu, '<text>'],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s)\]>,;]+/gi, '<url>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/(?<![\p{L}\p{N}<])(?:[a-z]:)?(?:\.{0,2}[\\/][\p{L}\p{N}._@-]+)+[\\/]?/giu, '<path>'],
  [/\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, '<hex>'],
  [/\d+(?:[.,:]\d+)*/g, '<n>'],
];

/** More text than this tells no origins apart, and bounds what the patterns have to read. */
const MAX_READ = 1_000;

function normalized(message: string): string {
  return VARYING.reduce(
    (text, [pattern, word]) => text.replace(pattern, word),
    message.slice(0, MAX_READ),
  );
}

/** The topmost function of the user's own code; frames of Node and of packages say where, not why. */
function ownFunction(stack: string): string {
  const frames = stack.split('\n', 60).filter((line) => /^\s+at /.test(line));
  const own = frames.find((line) => !/node_modules|\bnode:|<anonymous>/.test(line));
  return /^\s+at (?:async )?(?:new )?([^\s(]+) \(/.exec(own ?? '')?.[1] ?? '';
}
