/** Which of the demo's two devices this window is: the browser, or the phone beside it. */

export type Role = 'browser' | 'phone';

const query = new URLSearchParams(location.search);

export const role: Role = query.get('device') === 'phone' ? 'phone' : 'browser';
export const user = query.get('user') ?? 'maya';
/** How people call a user. */
export const nameOf = (userId: string) => userId.charAt(0).toUpperCase() + userId.slice(1);
export const person = nameOf(user);
/** With whom this user looks at the shoot. */
export const colleague = query.get('with') ?? (user === 'otto' ? 'maya' : 'otto');
/** The room of the shoot at which both look; see /api/play/token. */
export const SHOOT = 'shoot:wedding';
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
