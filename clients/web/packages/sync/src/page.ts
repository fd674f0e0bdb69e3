/** What the browser tells about page and network; nothing outside of browsers. */

export interface PageEvents {
  /** Visible again, or back from the back/forward cache. */
  wake(): void;
  offline(offline: boolean): void;
  /** The page goes away, perhaps into the back/forward cache. */
  hide(): void;
  /** It came, or came back from there. */
  show(): void;
}

/** Listen until the returned function is called. */
export function watchPage(events: PageEvents): () => void {
  const { window, document } = globalThis;
  if (!window || !document) return () => {};
  const ending = new AbortController();
  const heard = ({ type }: Event) => {
    if (type === 'pagehide') events.hide();
    else if (type === 'pageshow') events.show();
    else if (type !== 'visibilitychange') events.offline(type === 'offline');
    else if (document.visibilityState === 'visible') events.wake();
  };
  for (const type of ['online', 'offline', 'pagehide', 'pageshow', 'visibilitychange']) {
    const target = type === 'visibilitychange' ? document : window;
    target.addEventListener(type, heard, ending);
  }
  return () => ending.abort();
}
