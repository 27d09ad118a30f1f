import type { ClientConfig } from 'pg';

/** What the heartbeat's thread starts with. Only what can be copied between threads. */
export interface ThreadData {
  readonly config: ClientConfig;
  readonly asksPassword: boolean;
  readonly worker: number;
  readonly heartbeatMs: number;
  readonly stallLimitMs: number;
  /** The main loop's last turn, in `process.hrtime` nanoseconds, which all threads share. */
  readonly mainTick: BigInt64Array;
  readonly statements: {
    readonly beat: string;
    readonly renewLeadership: string;
    readonly endLeadership: string;
  };
}

export type ToMain =
  | { readonly type: 'beat' | 'lost' | 'password' }
  | { readonly type: 'stalled'; readonly silentMs: number }
  | { readonly type: 'trouble'; readonly message: string };

export type ToThread =
  { readonly type: 'stop' } | { readonly type: 'password'; readonly password: string | undefined };
