/** What to show about the connection: the seed's three colours, and the truth behind them. */

import type { Action, CatchingUp, ConnectionState, SyncClient } from '@kull/sync';
import { useEffect, useState } from 'react';
import { useSync } from './provider.tsx';
import { useClient } from './use-client.ts';

export type Phase =
  | 'live' // what is shown is current
  | 'catching-up' // connected, and what was missed is coming in
  | 'stale' // connected, but the server itself gets no news
  | 'connecting'
  | 'reconnecting'
  | 'offline' // the device itself has no network
  | 'disconnected' // by the application
  | 'action-needed'; // connecting again by itself cannot help

export interface SyncStatus {
  readonly phase: Phase;
  /** green: connected; yellow: it is being tried; red: not connected, and nobody tries. */
  readonly colour: 'green' | 'yellow' | 'red';
  /** With `catching-up`. */
  readonly catchingUp?: CatchingUp;
  /** When what is shown was last known to be current, if it is not; ms since the Unix epoch. */
  readonly staleSince?: number;
  /** When the next attempt is due; ms since the Unix epoch. */
  readonly retryAt?: number;
  /** Why it is not connected, for people; may be empty. */
  readonly reason: string;
  /** With `action-needed`: what a person can do. */
  readonly action?: Action;
}

const UNKNOWN: SyncStatus = { phase: 'disconnected', colour: 'red', reason: '' };
const STARTING: SyncStatus = { phase: 'connecting', colour: 'yellow', reason: '' };

/** The status right now. */
export function statusOf(client: SyncClient): SyncStatus {
  const { state, catchingUp, staleSince } = client;
  const more = {
    reason: state.reason,
    ...(staleSince === undefined ? {} : { staleSince }),
    ...(state.retryAt === undefined ? {} : { retryAt: state.retryAt }),
  };
  switch (state.name) {
    case 'idle':
      return STARTING;
    case 'connected':
      if (staleSince !== undefined) return { ...more, phase: 'stale', colour: 'yellow' };
      return catchingUp.done < catchingUp.total
        ? { phase: 'catching-up', colour: 'green', reason: '', catchingUp }
        : { phase: 'live', colour: 'green', reason: '' };
    case 'connecting':
    case 'reconnecting':
      return { ...more, phase: waitingPhase(state), colour: 'yellow' };
    case 'disconnected':
      return { ...more, phase: 'disconnected', colour: 'red' };
    case 'failed':
      return { ...more, phase: 'action-needed', colour: 'red', action: state.action ?? 'retry' };
  }
}

function waitingPhase(state: ConnectionState): Phase {
  if (state.offline) return 'offline';
  return state.name === 'connecting' ? 'connecting' : 'reconnecting';
}

/**
 * The status to show. A connection that is lost, or behind, for less than `delay` ms is not shown
 * as such, so that nothing flickers on a blip; good news, and what needs a person, is shown at once.
 */
export function useSyncStatus({ delay = 1_000 }: { delay?: number } = {}): SyncStatus {
  const client = useSync();
  const [cache] = useState(() => new StatusCache());
  const now = useClient((each) => cache.read(each), STARTING);
  const [shown, setShown] = useState(now);
  const blip = shown.phase === 'live' && (now.colour === 'yellow' || now.phase === 'catching-up');
  useEffect(() => {
    if (!blip) setShown(now);
  }, [blip, now]);
  useEffect(() => {
    if (!blip || !client) return;
    const timer = setTimeout(() => setShown(cache.read(client)), delay);
    return () => clearTimeout(timer);
  }, [blip, client, cache, delay]);
  return blip ? shown : now;
}

/** Keeps the object the same while its content is. */
class StatusCache {
  #status = UNKNOWN;

  read(client: SyncClient): SyncStatus {
    const status = statusOf(client);
    if (JSON.stringify(status) !== JSON.stringify(this.#status)) this.#status = status;
    return this.#status;
  }
}
