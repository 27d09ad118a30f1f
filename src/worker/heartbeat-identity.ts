import type { PeerCertificate } from 'node:tls';
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { IdentityAnswer, IdentityQuestion } from './heartbeat-messages.js';
import type { IdentityCheck } from './heartbeat-config.js';

/** How long the thread waits for the main loop; below a leader's term of office. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 5;

/**
 * The user's check of the server's certificate, for the thread: TLS wants its answer at once, so the
 * thread stands still until the main loop has given it. Silence is a refusal, unless that very
 * certificate passed before: a handler that blocks the main loop must not cost the lease.
 */
export function identityAsker(
  port: MessagePort,
  ask: (question: IdentityQuestion) => void,
): IdentityCheck {
  const passed = new Set<string>();
  let question = 0;
  return (host, certificate) => {
    question += 1;
    ask({ question, host, certificate });
    const answer = answerTo(port, question);
    const name = `${host} ${certificate.fingerprint256}`;
    const silent = passed.has(name) ? undefined : 'the main loop did not answer in time';
    const refusal = answer === undefined ? silent : answer.refusal;
    if (refusal === undefined) passed.add(name);
    else passed.delete(name);
    return refusal === undefined ? undefined : new Error(`ssl.checkServerIdentity: ${refusal}`);
  };
}

function answerTo(port: MessagePort, question: number): IdentityAnswer | undefined {
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const received = receiveMessageOnPort(port)?.message as IdentityAnswer | undefined;
    if (received?.question === question) return received;
    if (received === undefined) Atomics.wait(bell, 0, 0, LOOK_MS);
  }
  return undefined;
}

/** The main thread's side: what the user's check says, as a message. */
export function judgeIdentity(
  check: IdentityCheck,
  { question, host, certificate }: IdentityQuestion,
): IdentityAnswer {
  try {
    const verdict: unknown = check(host, withBuffers(certificate));
    // Whatever is not nothing is a refusal, as it is to TLS.
    return { question, refusal: verdict ? textOf(verdict) : undefined };
  } catch (error) {
    return { question, refusal: textOf(error) };
  }
}

function textOf(refusal: unknown): string {
  return refusal instanceof Error ? refusal.message : 'it refused the certificate';
}

/** Between threads a Buffer turns into plain bytes; its issuer may be the certificate itself. */
function withBuffers(certificate: PeerCertificate, seen = new Set<object>()): PeerCertificate {
  seen.add(certificate);
  for (const [name, value] of Object.entries(certificate) as [string, unknown][]) {
    if (value instanceof Uint8Array) Object.assign(certificate, { [name]: Buffer.from(value) });
    else if (name === 'issuerCertificate' && value && !seen.has(value))
      withBuffers(value as PeerCertificate, seen);
  }
  return certificate;
}
