/** Where position and snapshot are kept across reloads. */

import type { Position } from './events.ts';
import type { Snapshot } from './latest.ts';

/** What a later start continues from. */
export interface Saved extends Position {
  readonly userId: string;
  readonly snapshot: Snapshot;
}

/** All three may reject or hang; the client tells it as an error and goes on without a store. */
export interface Store {
  load(key: string): Promise<Saved | undefined>;
  save(key: string, saved: Saved): Promise<void>;
  remove(key: string): Promise<void>;
}

const TABLE = 'devices';

/** The default in browsers: one small record per user. */
export function indexedDbStore(name = 'kull-sync'): Store {
  let opening: Promise<IDBDatabase> | undefined;

  async function run<T>(
    mode: IDBTransactionMode,
    action: (table: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    opening ??= open(name);
    const transaction = (await opening).transaction(TABLE, mode);
    const request = action(transaction.objectStore(TABLE));
    transaction.commit(); // a page that is going away has no time to wait for the request
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  return {
    load: (key) => run('readonly', (table) => table.get(key) as IDBRequest<Saved | undefined>),
    save: (key, saved) => run('readwrite', (table) => table.put(saved, key) as IDBRequest),
    remove: (key) => run('readwrite', (table) => table.delete(key)),
  };
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 2);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => resolve(request.result);
  });
}
