/** Pages by address, in the smallest way. */

import { useSyncExternalStore } from 'react';

export const PAGES = {
  Overview: '/console',
  People: '/console/people',
  Event: '/console/event',
  Trouble: '/console/trouble',
  Rooms: '/console/rooms',
  Actions: '/console/actions',
} as const;

const listeners = new Set<() => void>();
window.addEventListener('popstate', tell);

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Where the page is: its path, and what its address asks for. */
export function useAddress(): { path: string; asked: URLSearchParams } {
  const text = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const [path = '', query = ''] = text.split('?');
  return { path: path.replace(/(.)\/$/, '$1'), asked: new URLSearchParams(query) };
}

/** An address of the console with what it asks for; empty texts are left out. */
export function address(path: string, asked: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
  return query.size ? `${path}?${query}` : path;
}

export function go(to: string): void {
  history.pushState(null, '', to);
  tell();
}
