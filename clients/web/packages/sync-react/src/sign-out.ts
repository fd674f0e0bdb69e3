/** Signing out a device of the user: `DELETE /api/sync/devices/{deviceId}`. */

import type { Token } from '@kull/sync';

const WITHIN = 10_000; // ms for the answer

export interface SignOutOptions {
  /** A device token of the same user that grants `devices:manage`. */
  token: Token;
  /** Where a gateway has its devices; of this page's server if absent. */
  devicesUrl?: string | undefined;
}

/**
 * All tokens of the device are worth nothing from then on, its connections close, and the user's
 * other devices see it leave. Calling it again is harmless. Rejects with an Error that says why not.
 */
export async function signOutDevice(deviceId: string, options: SignOutOptions): Promise<void> {
  const { token, devicesUrl = '/api/sync/devices' } = options;
  const bearer = typeof token === 'string' ? token : await token();
  const answer = await fetch(`${devicesUrl}/${encodeURIComponent(deviceId)}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${bearer}` },
    credentials: 'omit',
    signal: AbortSignal.timeout(WITHIN),
  });
  if (answer.ok) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `the server answered ${answer.status}`);
}
