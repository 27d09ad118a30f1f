import type { StandardSchemaV1 } from '@standard-schema/spec';
import { LedgerError } from '../../errors.js';
import { cleanText } from '../../job/clean-text.js';
import type { JobContract, Schema } from '../../job/define.js';

/** Checks a payload against its contract; throws one line that names the field. */
export function validatePayload(job: JobContract, payload: unknown): void | Promise<void> {
  const answer = validate(job.options.payload, payload);
  return answer instanceof Promise
    ? answer.then((later) => requireValid(job, later))
    : requireValid(job, answer);
}

function requireValid(job: JobContract, answer: Validated): void {
  if (!('problem' in answer)) return;
  throw new LedgerError(
    'PAYLOAD_INVALID',
    `payload of ${JSON.stringify(job.kind)}: ${answer.problem}`,
  );
}

/** Runs a Standard Schema validator: the value as the schema gives it out, or one line of fault. */
export function validate(schema: Schema, value: unknown): Validated | Promise<Validated> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(judge) : judge(result);
}

export type Validated = { readonly value: unknown } | { readonly problem: string };

function judge(result: StandardSchemaV1.Result<unknown>): Validated {
  if (result.issues === undefined) return { value: result.value };
  const [first] = result.issues;
  const path = (first?.path ?? [])
    .map((part) => String(typeof part === 'object' ? part.key : part))
    .join('.');
  const text = String(first?.message ?? 'does not match its schema');
  return { problem: oneLine(path === '' ? text : `${path}: ${text}`) };
}

/** A validator quotes what it was given: text that jsonb refuses would fail what it stands in. */
function oneLine(text: string): string {
  return cleanText(text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' '), MAX_PROBLEM_BYTES);
}

const MAX_PROBLEM_BYTES = 480;
