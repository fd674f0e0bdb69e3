/** Not run: `tsc` checks it. The types are part of the API. */

import type {
  ConnectionState,
  CreditUpdate,
  ShootProgress,
  SyncClient,
  SyncEvent,
} from '@kull/sync';

declare const client: SyncClient;
declare const event: SyncEvent;

type Handled =
  | 'CREDIT_UPDATE'
  | 'SHOOT_PROGRESS'
  | 'PROMPT_CHANGE'
  | 'DEVICE_CONNECTED'
  | 'DEVICE_DISCONNECTED'
  | 'RECOVERY_LOST';

export function narrows(): number | string {
  switch (event.type) {
    case 'CREDIT_UPDATE':
      return event.data.newBalance;
    case 'SHOOT_PROGRESS':
      return event.data.status;
    case 'PROMPT_CHANGE':
      return event.data.action;
    case 'DEVICE_CONNECTED':
    case 'DEVICE_DISCONNECTED':
      return event.data.connectedAt;
    case 'RECOVERY_LOST':
      return event.data.head;
    default: {
      const others: Exclude<SyncEvent, { type: Handled }> = event; // all above are told apart
      return JSON.stringify(others);
    }
  }
}

export function listens(): void {
  client.on('CREDIT_UPDATE', ({ data }) => data satisfies Readonly<CreditUpdate>);
  client.on('state', (state) => state satisfies ConnectionState);
  const off: () => void = client.on('event', ({ seq }) => seq satisfies number | undefined);
  off();
  // @ts-expect-error: no such event
  client.on('CREDITS', () => {});
  // @ts-expect-error: a credit update has no status
  client.on('CREDIT_UPDATE', ({ data }) => data.status);
  // @ts-expect-error: events are not to be changed
  client.on('CREDIT_UPDATE', ({ data }) => (data.newBalance = 0));
}

export function reports(): void {
  const progress = { shootId: 's', processedCount: 1, totalCount: 2, provider: 'Local' };
  client.updateProgress({ ...progress, status: 'processing' }) satisfies Promise<string>;
  // @ts-expect-error: not a status
  client.updateProgress({ ...progress, status: 'paused' });
  // @ts-expect-error: the status is missing
  client.updateProgress(progress);
  const optional: ShootProgress = { ...progress, status: 'queued', eta: 3 };
  client.shoot('s') satisfies Readonly<ShootProgress> | undefined;
  void optional;
}
