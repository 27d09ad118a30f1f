import { constants, setPriority } from 'node:os';

/** Workers on the same machine go first: read models and topics may lag, a job should not. */
export function giveWay(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where it is not allowed, everything goes on as it is.
  }
}
