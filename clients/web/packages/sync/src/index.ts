/** Kull Sync for devices: stay connected and get every event once, in order. */

export { SyncClient, type SyncOptions } from './client.ts';
export { CLOSE_CODES, mayReconnect } from './close-codes.ts';
export type { Socket, SocketClass } from './connection.ts';
export { BadMessage, NotConnected, Rejected, SyncError, Unauthorized } from './errors.ts';
export type * from './events.generated.ts';
export type {
  Device,
  EventData,
  EventOf,
  EventType,
  Position,
  RecoveryLost,
  SyncEvent,
} from './events.ts';
export { isLoss } from './events.ts';
export { isFinished, type Snapshot } from './latest.ts';
export type { Action, ConnectionState, StateName } from './state.ts';
export { indexedDbStore, type Saved, type Store } from './store.ts';
export type { Token } from './tokens.ts';
export type { CatchingUp, Handler, Topics } from './view.ts';
