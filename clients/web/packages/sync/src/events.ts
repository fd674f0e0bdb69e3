/** What an application sees. PURE. */

import type { PublishedData } from './events.generated.ts';

export type * from './events.generated.ts';

/** A connected device of the user. `connectedAt` is in ms since the Unix epoch. */
export interface Device {
  readonly deviceId: string;
  readonly platform: string;
  readonly deviceName: string;
  readonly connectedAt: number;
}

/** Events of this queue are gone for this device: fetch your state anew. */
export interface RecoveryLost {
  readonly queue: string;
  readonly head: number;
}

/** The data of every event, by its type. */
export interface EventData extends PublishedData {
  DEVICE_CONNECTED: Device;
  DEVICE_DISCONNECTED: Device;
  RECOVERY_LOST: RecoveryLost;
}

export type EventType = keyof EventData;

/** One thing that happened. */
export interface EventOf<T extends EventType> {
  readonly type: T;
  readonly data: Readonly<EventData[T]>;
  /** The same for every delivery of the same event. */
  readonly id: string;
  /** Position in its queue; absent for what is not stored. */
  readonly seq?: number | undefined;
  /** `user` (the user's own), `all` or `room:<name>`. */
  readonly queue: string;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** The device that caused it, or `server`. */
  readonly deviceId: string;
  /** Whom it is for; empty in broadcasts. */
  readonly userId: string;
  /** The user whose device has sent it into a room; empty: a publisher's. */
  readonly sender: string;
  /** W3C Trace Context of the step that has stored it; empty: it is not traced. */
  readonly traceparent: string;
}

/** Any event: `switch (event.type)` tells the type of `event.data`. */
export type SyncEvent = { [T in EventType]: EventOf<T> }[EventType];

/** How far this device has processed its queues. */
export interface Position {
  /** Identity of the server's logs; positions of another epoch mean nothing. */
  readonly epoch: string;
  /** Per queue the last processed seq. */
  readonly after: Readonly<Record<string, number>>;
}

export const USER_QUEUE = 'user';

/** Whether it tells of a loss: a stored event of that name is a publisher's, and means nothing. */
export function isLoss(event: SyncEvent): event is EventOf<'RECOVERY_LOST'> {
  return event.type === 'RECOVERY_LOST' && (event.seq ?? event.id) === '';
}
