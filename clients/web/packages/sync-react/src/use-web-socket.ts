/** Callbacks for what happens, as the application wrote them last. */

import type {
  ConnectionState,
  EventData,
  EventOf,
  EventType,
  SyncClient,
  SyncEvent,
} from '@kull/sync';
import { useEffect, useInsertionEffect, useRef } from 'react';
import { useConnectionState } from './hooks.ts';
import { useSync } from './provider.tsx';

type Callback<T extends EventType> = (data: Readonly<EventData[T]>, event: EventOf<T>) => unknown;

/** A promise that a callback returns is waited for before the event counts as processed. */
export interface WebSocketCallbacks {
  onShootProgress?: Callback<'SHOOT_PROGRESS'>;
  onCreditUpdate?: Callback<'CREDIT_UPDATE'>;
  onPromptChange?: Callback<'PROMPT_CHANGE'>;
  onDeviceConnected?: Callback<'DEVICE_CONNECTED'>;
  onDeviceDisconnected?: Callback<'DEVICE_DISCONNECTED'>;
  /** Events are gone for this device: refetch what you show. */
  onRecoveryLost?: Callback<'RECOVERY_LOST'>;
  /** Any event, also of types that this SDK does not know yet. */
  onEvent?: (event: SyncEvent) => unknown;
  onStateChange?: (state: ConnectionState) => unknown;
  onError?: (error: unknown) => unknown;
}

const NAMES: Record<EventType, keyof WebSocketCallbacks> = {
  SHOOT_PROGRESS: 'onShootProgress',
  CREDIT_UPDATE: 'onCreditUpdate',
  PROMPT_CHANGE: 'onPromptChange',
  DEVICE_CONNECTED: 'onDeviceConnected',
  DEVICE_DISCONNECTED: 'onDeviceDisconnected',
  RECOVERY_LOST: 'onRecoveryLost',
};

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
  const specific = callbacks[NAMES[event.type]] as Callback<EventType> | undefined;
  const slow = [specific?.(event.data, event), callbacks.onEvent?.(event)];
  const waiting = slow.filter((each) => each instanceof Promise);
  return waiting.length > 0 ? Promise.all(waiting) : undefined;
}

function tell(error: unknown, { onError }: WebSocketCallbacks): void {
  if (onError) onError(error);
  else console.error(error);
}
