import type { KafkaOptions } from './api-kafka.js';
import type { ProjectionVerification } from './api-projections.js';
import type { Projection } from './api-projector.js';
import type { Verification, VerifyOptions } from './api-views.js';
import { checkLedger } from './checker/check-ledger.js';
import { verifyTopic } from './kafka/verify-topic.js';
import { snapshot } from './database.js';
import { isMirror, refuseMirror } from './ledger/role.js';
import type { Store } from './ledger/store.js';
import { verify } from './ledger/verify/verify.js';
import { readStatus } from './projector/status.js';
import { verifyProjection } from './projector/verify-projection.js';

/** The ledger's own proof and what else is asked for, each on a snapshot of its own. */
export async function verifyLedger(
  store: Store,
  schema: string,
  { deep = false, kafka, projections }: VerifyOptions = {},
): Promise<Verification> {
  const mirror = await isMirror(store);
  if (mirror && deep) await refuseMirror(store, 'verify, deep');
  let answer = await verify(store, { dispatch: !mirror });
  if (deep) answer = await withFindings(store, schema, answer);
  if (kafka !== undefined) answer = await withTopic(store, kafka, answer);
  return projections === undefined ? answer : withProjections(store, projections, answer);
}

async function withTopic(
  store: Store,
  options: KafkaOptions,
  answer: Verification,
): Promise<Verification> {
  const kafka = await verifyTopic(store, options);
  return { ...answer, verified: answer.verified && kafka.verified, kafka };
}

async function withFindings(
  store: Store,
  schema: string,
  answer: Verification,
): Promise<Verification> {
  const { findings } = await snapshot(store.database, (query) =>
    checkLedger(async (text) => (await query(text)).rows, { schema }),
  );
  return { ...answer, verified: answer.verified && findings.length === 0, findings };
}

async function withProjections(
  store: Store,
  code: readonly Projection[],
  answer: Verification,
): Promise<Verification> {
  const served = (await readStatus(store)).filter(({ state }) => state === 'live');
  const projections: ProjectionVerification[] = [];
  const notes: string[] = [];
  for (const { name, version, build } of served) {
    const known = code.find((one) => one.name === name && one.version === version);
    if (known !== undefined) projections.push(await verifyProjection(store, known, build));
    else notes.push(`read model ${name} ${version} is not compared: its code is not here`);
  }
  const verified = answer.verified && projections.every((one) => one.verified);
  return { ...answer, verified, projections, notes: [...answer.notes, ...notes] };
}
