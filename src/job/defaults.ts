/** What holds where neither job, kind nor worker says otherwise. The retry policy: `DEFAULT_RETRY`. */
export const DEFAULTS = {
  /** Counted attempts before a job fails for good. */
  maxAttempts: 5,
  /** Milliseconds an attempt may take. */
  timeoutMs: 900_000,
  /** Lower runs first. */
  priority: 0,
  queue: 'default',
  /** How long a canceled handler may go on before its lease ends without it, in milliseconds. */
  cancelGraceMs: 30_000,
} as const;
