import type { PeerCertificate } from 'node:tls';
import type { MessagePort } from 'node:worker_threads';
import type { ClientConfig } from 'pg';

/** What the heartbeat's thread starts with. Only what can be copied between threads. */
export interface ThreadData {
  readonly config: ClientConfig;
  readonly asksPassword: boolean;
  /** Where the answers to `identity` come, if the server's certificate is the user's to judge. */
  readonly identityPort: MessagePort | undefined;
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
  | ({ readonly type: 'identity' } & IdentityQuestion)
  | { readonly type: 'stalled'; readonly silentMs: number }
  | { readonly type: 'trouble'; readonly message: string };

export type ToThread =
  { readonly type: 'stop' } | { readonly type: 'password'; readonly password: string | undefined };

/** Numbered, since an answer may come when the question was given up. */
export interface IdentityQuestion {
  readonly question: number;
  readonly host: string;
  readonly certificate: PeerCertificate;
}

export interface IdentityAnswer {
  readonly question: number;
  /** Why the server is not who it should be; undefined if it is. */
  readonly refusal: string | undefined;
}
