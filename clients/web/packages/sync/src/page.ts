/** What the browser tells about page and network; nothing outside of browsers. */

export interface PageEvents {
  /** Seen again, or not any more. */
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
    else if (type === 'visibilitychange') events.wake();
    else events.offline(type === 'offline');
  };
  for (const type of ['online', 'offline', 'pagehide', 'pageshow', 'visibilitychange']) {
    const target = type === 'visibilitychange' ? document : window;
    target.addEventListener(type, heard, ending);
  }
  return () => ending.abort();
}
