/** What to do after a close code. The ranges decide, not the names: a newer server may use more. */

import { FIRST, FIRST_STOP, LAST, STANDARD_STOP } from './close-codes.generated.ts';

export * from './close-codes.generated.ts';

/** Whether connecting again after this close code makes sense. */
export function mayReconnect(code: number): boolean {
  if (code >= FIRST && code <= LAST) return code < FIRST_STOP;
  return !STANDARD_STOP.includes(code);
}
