/** What the browser tells about page and network; nothing outside of browsers. */

export interface PageEvents {
  /** Visible again, or back from the back/forward cache. */
  wake(): void;
  offline(offline: boolean): void;
  /** The page goes away, perhaps into the back/forward cache. */
  hide(): void;
  /** It came back from there. */
  restore(): void;
}

/** Listen until the returned function is called. */
export function watchPage(events: PageEvents): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const ending = new AbortController();
  const { signal } = ending;
  const listen = (target: EventTarget, name: string, handler: (event: Event) => void) =>
    target.addEventListener(name, handler, { signal });
  listen(window, 'online', () => events.offline(false));
  listen(window, 'offline', () => events.offline(true));
  listen(window, 'pagehide', () => events.hide());
  listen(window, 'pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) events.restore();
  });
  listen(document, 'visibilitychange', () => {
    if (document.visibilityState === 'visible') events.wake();
  });
  return () => ending.abort();
}
