/** React hooks and components for Kull Sync. */

export { DeviceList, type DeviceListProps } from './device-list.tsx';
export {
  type ShootProgressState,
  useConnectionState,
  useCredits,
  useDevices,
  useShootProgress,
  useShoots,
} from './hooks.ts';
export { SyncProvider, type SyncProviderProps, useSignOut, useSync } from './provider.tsx';
export { ShootProgress, type ShootProgressProps } from './shoot-progress.tsx';
export { ShootProgressPage, type ShootProgressPageProps } from './shoot-progress-page.tsx';
export { type SignOutOptions, signOutDevice } from './sign-out.ts';
export { type Phase, type SyncStatus, useSyncStatus } from './status.ts';
export { SyncIndicator, type SyncIndicatorProps } from './sync-indicator.tsx';
export { useWebSocket, type WebSocketCallbacks, type WebSocketResult } from './use-web-socket.ts';
