/** Callbacks for what happens, as the application wrote them last. */

import {
  type ConnectionState,
  type EventData,
  type EventOf,
  type EventType,
  isLoss,
  type SyncClient,
  type SyncEvent,
} from '@kull/sync';
import { useEffect, useInsertionEffect, useRef } from 'react';
import { useConnectionState } from './hooks.ts';
import { useSync } from './provider.tsx';

type Callback<T extends EventType> = (data: Readonly<EventData[T]>, event: EventOf<T>) => unknown;

/** `CreditUpdate` for `CREDIT_UPDATE`. */
type Name<T extends string> = T extends `${infer Word}_${infer Rest}`
  ? `${Capitalize<Lowercase<Word>>}${Name<Rest>}`
  : Capitalize<Lowercase<T>>;

/** `onShootProgress`, `onCreditUpdate`, …: one for each type of event. */
export type EventCallbacks = { [T in EventType as `on${Name<T>}`]?: Callback<T> };

/** A promise that a callback returns is waited for before the event counts as processed. */
export interface WebSocketCallbacks extends EventCallbacks {
  /** Events are gone for this device: refetch what you show. */
  onRecoveryLost?: Callback<'RECOVERY_LOST'>;
  /** Any event, also of types that this SDK does not know yet. */
  onEvent?: (event: SyncEvent) => unknown;
  onStateChange?: (state: ConnectionState) => unknown;
  onError?: (error: unknown) => unknown;
}

/** Callbacks for something else than the event type of that name, which may come one day. */
const GENERAL: ReadonlySet<string> = new Set(['onEvent', 'onStateChange', 'onError']);

export interface WebSocketResult {
  readonly client: SyncClient | null;
  readonly state: ConnectionState;
  readonly isConnected: boolean;
}

/** Listen to events. New callbacks on every render are fine: they never reconnect anything. */
export function useWebSocket(callbacks: WebSocketCallbacks = {}): WebSocketResult {
  const client = useSync();
  const state = useConnectionState();
  const newest = useRef(callbacks);
  useInsertionEffect(() => {
    newest.current = callbacks;
  });
  useEffect(() => {
    const offs = [
      client?.on('event', (event) => dispatch(event, newest.current)),
      client?.on('state', (now) => newest.current.onStateChange?.(now)),
      client?.on('error', (error) => tell(error, newest.current)),
    ];
    return () => {
      for (const off of offs) off?.();
    };
  }, [client]);
  return { client, state, isConnected: state.name === 'connected' };
}

function dispatch(event: SyncEvent, callbacks: WebSocketCallbacks): Promise<unknown> | undefined {
  const slow = [specific(event, callbacks), callbacks.onEvent?.(event)];
  const waiting = slow.filter((each) => each instanceof Promise);
  return waiting.length > 0 ? Promise.all(waiting) : undefined;
}

function specific(event: SyncEvent, callbacks: WebSocketCallbacks): unknown {
  const words = event.type.toLowerCase().split('_');
  const name = `on${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
  if (GENERAL.has(name) || (event.type === 'RECOVERY_LOST' && !isLoss(event))) return undefined;
  const callback = callbacks[name as keyof EventCallbacks] as Callback<EventType> | undefined;
  return callback?.(event.data, event);
}

function tell(error: unknown, { onError }: WebSocketCallbacks): void {
  if (onError) onError(error);
  else console.error(error);
}
