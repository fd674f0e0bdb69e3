/** What the browser tells about page and network, by the names of its events; nothing elsewhere. */

export interface PageEvents {
  online(): void;
  offline(): void;
  /** The page goes away, perhaps into the back/forward cache. */
  pagehide(): void;
  /** It came, or came back from there. */
  pageshow(): void;
  /** Somebody sees it, or nobody any more, and it may be frozen. */
  visibilitychange(): void;
}

/** Listen until the returned function is called. */
export function watchPage(events: PageEvents): () => void {
  const { window, document } = globalThis;
  if (!window || !document) return () => {};
  const ending = new AbortController();
  for (const [type, handle] of Object.entries(events)) {
    (type === 'visibilitychange' ? document : window).addEventListener(type, handle, ending);
  }
  return () => ending.abort();
}
