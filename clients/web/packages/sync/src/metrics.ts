/** What a client does, in numbers: a module of its own, for whoever wants them. */

import type { SyncClient } from './client.ts';
import { isLoss } from './events.ts';

/** Since `observe` was called; what only grows is a count, milliseconds are of this device's clock. */
export interface SyncMetrics {
  /** Attempts to connect, and those that were welcomed. */
  readonly attempts: number;
  readonly connects: number;
  /** Connections that ended by themselves and were, or will be, made anew. */
  readonly losses: number;
  /** Times that the client gave up: see `action` of its state. */
  readonly failures: number;
  /** Close codes that the server gave, and how often. */
  readonly closes: Readonly<Record<number, number>>;
  /** From the beginning of an attempt to its welcome: the last one, and all together. */
  readonly lastConnectMs: number;
  readonly connectMs: number;
  /** How long there was a connection. */
  readonly connectedMs: number;
  readonly events: number;
  /** Notices that something is missing. */
  readonly recoveriesLost: number;
  /** Times that the server lost touch with what feeds it. */
  readonly stale: number;
  /**
   * From the publisher's clock to this device's, of the last event: two clocks, at least 0. What
   * was missed while the device was away is as old as it is.
   */
  readonly lastDelayMs: number;
}

export interface Observed {
  /** The numbers now. */
  metrics(): SyncMetrics;
  /** Count no more. */
  stop(): void;
}

/**
 * Count what a client does. `onMetrics` is called with the numbers whenever the connection's state
 * changes, and at most once in `every` milliseconds for events; it must not block.
 *
 * Of tabs that share a connection each counts what it sees.
 */
export function observe(
  client: Pick<SyncClient, 'on' | 'state'>,
  onMetrics: (metrics: SyncMetrics) => void = () => {},
  { every = 10_000, now = () => performance.now() }: { every?: number; now?: () => number } = {},
): Observed {
  const counted = {
    ...{ attempts: 0, connects: 0, losses: 0, failures: 0, stale: 0, events: 0, recoveriesLost: 0 },
    ...{ lastConnectMs: 0, connectMs: 0, connectedMs: 0, lastDelayMs: 0 },
    closes: {} as Record<number, number>,
  };
  let { name } = client.state;
  let since = now();
  let wasStale = false;
  let told = since;

  const metrics = (): SyncMetrics => ({
    ...counted,
    closes: { ...counted.closes },
    connectedMs: counted.connectedMs + (name === 'connected' ? now() - since : 0),
  });
  const tell = () => {
    told = now();
    onMetrics(metrics());
  };

  const ends = [
    client.on('state', (state) => {
      const before = name;
      name = state.name;
      const isStale = state.staleSince !== undefined;
      if (isStale && !wasStale) counted.stale++;
      wasStale = isStale;
      if (name !== before) {
        const took = now() - since;
        if (before === 'connected') {
          counted.connectedMs += took;
          if (name === 'reconnecting' || name === 'connecting') counted.losses++;
        }
        if (state.code !== undefined) {
          counted.closes[state.code] = (counted.closes[state.code] ?? 0) + 1;
        }
        if (name === 'connecting') counted.attempts++;
        if (name === 'failed') counted.failures++;
        if (name === 'connected') {
          counted.connects++;
          if (before === 'connecting') {
            counted.lastConnectMs = took;
            counted.connectMs += took;
          }
        }
        since = now();
      }
      tell();
    }),
    client.on('event', (event) => {
      counted.events++;
      if (isLoss(event)) counted.recoveriesLost++;
      else counted.lastDelayMs = Math.max(0, Date.now() - event.timestamp);
      if (now() - told >= every) tell();
    }),
  ];
  return {
    metrics,
    stop: () => {
      for (const end of ends) end();
    },
  };
}
