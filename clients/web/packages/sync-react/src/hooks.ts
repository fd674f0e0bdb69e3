/** What a component can know about shoots, credits, devices and the connection. */

import type { ConnectionState, CreditUpdate, Device, ShootProgress } from '@kull/sync';
import { useClient } from './use-client.ts';

const IDLE: ConnectionState = { name: 'idle', previous: 'idle', reason: '', attempt: 0 };
const NO_DEVICES: readonly Device[] = [];
const NO_SHOOTS: readonly Readonly<ShootProgress>[] = [];

/** What the connection is doing: every change at once. For something to show see `useSyncStatus`. */
export function useConnectionState(): ConnectionState {
  return useClient((client) => client.state, IDLE);
}

/** The user's connected devices, this one included. */
export function useDevices(): readonly Device[] {
  return useClient((client) => client.devices, NO_DEVICES);
}

/** The newest balance that came; undefined before the first. */
export function useCredits(): Readonly<CreditUpdate> | undefined {
  return useClient((client) => client.credits, undefined);
}

/** All known shoots, the one with the newest news first. */
export function useShoots(): readonly Readonly<ShootProgress>[] {
  return useClient((client) => client.shoots, NO_SHOOTS);
}

export interface ShootProgressState {
  /** The newest progress; undefined until some came. */
  readonly progress: Readonly<ShootProgress> | undefined;
  readonly isQueued: boolean;
  readonly isProcessing: boolean;
  readonly isCompleted: boolean;
  readonly isFailed: boolean;
  /** A whole number from 0 to 100; 100 only when it is completed. */
  readonly progressPercentage: number;
  /** Seconds that are left, if the provider says so. */
  readonly eta: number | undefined;
}

/** Follow one shoot. News that come late never replace newer ones, nor a finished shoot. */
export function useShootProgress(shootId: string): ShootProgressState {
  const progress = useClient((client) => client.shoot(shootId), undefined);
  const status = progress?.status;
  return {
    progress,
    isQueued: status === 'queued',
    isProcessing: status === 'processing',
    isCompleted: status === 'completed',
    isFailed: status === 'failed',
    progressPercentage: percentageOf(progress),
    eta: progress?.eta,
  };
}

/** See `progressPercentage`. */
export function percentageOf(progress: Readonly<ShootProgress> | undefined): number {
  if (!progress) return 0;
  if (progress.status === 'completed') return 100;
  const { processedCount, totalCount } = progress;
  return totalCount > 0 ? Math.min(99, Math.floor((100 * processedCount) / totalCount)) : 0;
}
