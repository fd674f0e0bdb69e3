/** What a page does with the gallery's events. `data` is typed: a wrong field does not compile. */

import { SyncClient, type SyncOptions } from '@kull/sync';
import type { OwnEvent } from './events.ts';

/** Says each event in a line. */
export function follow(options: SyncOptions, say: (line: string) => void): SyncClient {
  const client = new SyncClient(options);
  client.on('COLLECTION_SHARED', (event) => say(told(event)));
  client.on('COLLECTION_RENAMED', (event) => say(told(event)));
  client.on('PHOTO_VIEWED', (event) => say(told(event)));
  client.on('MAINTENANCE_PLANNED', (event) => say(told(event)));
  return client;
}

export function told(event: OwnEvent): string {
  switch (event.type) {
    case 'COLLECTION_SHARED': {
      const { sharedBy, title, photoCount } = event.data;
      return `${sharedBy} shares ${title} with you: ${photoCount} photos`;
    }
    case 'COLLECTION_RENAMED':
      return `it is called ${event.data.title} now`;
    case 'PHOTO_VIEWED':
      return `${event.data.viewer} looks at ${event.data.photoId}`;
    case 'MAINTENANCE_PLANNED':
      return `away for ${event.data.minutes} minutes`;
  }
}
