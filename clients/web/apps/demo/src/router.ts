/** Pages by address, in the smallest way. */

import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
window.addEventListener('popstate', tell);

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The path of the page that is shown. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function go(path: string): void {
  history.pushState(null, '', path + location.search);
  tell();
}

/** The shoot whose page an address is. */
export function shootOf(path: string): string | undefined {
  const id = path.match(/^\/shoots\/([^/]+)$/)?.[1];
  return id && decodeURIComponent(id);
}
