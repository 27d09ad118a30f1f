/** A kind of job that was defined wrongly; the message names every option at fault. */
export class JobDefinitionError extends TypeError {
  override readonly name = 'JobDefinitionError';
}
