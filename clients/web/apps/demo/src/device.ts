/** Which of the demo's two devices this window is: the browser, or the phone beside it. */

export type Role = 'browser' | 'phone';

const query = new URLSearchParams(location.search);

export const role: Role = query.get('device') === 'phone' ? 'phone' : 'browser';
export const user = query.get('user') ?? 'maya';
/** How people call the user. */
export const person = user[0]?.toUpperCase() + user.slice(1);
/** Connect with this token and no other. */
export const forcedToken = query.get('token');

export const NAMES: Record<Role, string> = { browser: 'Web browser', phone: `${person}'s phone` };

/**
 * Kept, so that a reload or another edge is the same device to the user's other ones: of the browser
 * for all its tabs, which share a connection; of the phone for the one tab that it is drawn in.
 */
export function deviceId(): string {
  const storage = role === 'phone' ? sessionStorage : localStorage;
  const key = `kull-demo-${role}`;
  const kept = storage.getItem(key) ?? `${role}-${crypto.randomUUID()}`;
  storage.setItem(key, kept);
  return kept;
}
