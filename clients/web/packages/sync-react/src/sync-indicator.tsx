/** The state of the connection, for the header of a page. */

import type { Action } from '@kull/sync';
import type { ReactElement } from 'react';
import { ago } from './format.ts';
import { useSync } from './provider.tsx';
import { type SyncStatus, useSyncStatus } from './status.ts';
import { useNow } from './use-now.ts';

const LONG = 10_000; // ms after which it is told since when nothing came

export interface SyncIndicatorProps {
  /** Whether the text is shown beside the dot; screen readers get it always. */
  showLabel?: boolean;
  /** Milliseconds that a lost connection is not shown as such. */
  delay?: number;
  /** What `Sign in again` does; without it there is only `Try again`. */
  onSignIn?: () => void;
  className?: string;
}

/** Green and solid, yellow and pulsing, red and solid; a button where a person is needed. */
export function SyncIndicator(props: SyncIndicatorProps): ReactElement {
  const { showLabel = true, delay = 1_000, onSignIn, className = '' } = props;
  const client = useSync();
  const status = useSyncStatus({ delay });
  const now = useNow(1_000, status.staleSince !== undefined);
  const label = labelOf(status, now);
  return (
    <div
      className={`kull-indicator ${className}`}
      data-colour={status.colour}
      data-phase={status.phase}
      title={status.reason || label}
    >
      <span className="kull-dot" aria-hidden="true" />
      <span role="status" className={showLabel ? 'kull-label' : 'kull-visually-hidden'}>
        {label}
      </span>
      {status.action && (
        <ActionButton
          action={status.action}
          onSignIn={onSignIn}
          onRetry={() => client?.connect()}
        />
      )}
    </div>
  );
}

function ActionButton(props: {
  action: Action;
  onSignIn: (() => void) | undefined;
  onRetry: () => void;
}): ReactElement {
  const { action, onSignIn, onRetry } = props;
  const signIn = action === 'sign-in' ? onSignIn : undefined;
  return (
    <button type="button" className="kull-button" onClick={signIn ?? onRetry}>
      {signIn ? 'Sign in again' : 'Try again'}
    </button>
  );
}

/** The text for a status; `now` in ms since the Unix epoch. */
export function labelOf(status: SyncStatus, now: number): string {
  const { staleSince } = status;
  const stale = staleSince !== undefined && now - staleSince >= LONG;
  const since = stale ? `, as of ${ago(staleSince, now)}` : '';
  switch (status.phase) {
    case 'live':
      return 'Connected';
    case 'catching-up':
      return `Catching up, ${status.catchingUp?.done} of ${status.catchingUp?.total}`;
    case 'stale':
      return `No news${since}`;
    case 'connecting':
      return 'Connecting…';
    case 'reconnecting':
      return `Reconnecting…${since}`;
    case 'offline':
      return `No network${since}`;
    case 'disconnected':
      return 'Disconnected';
    case 'action-needed':
      return status.action === 'sign-in' ? 'Signed out' : 'Disconnected';
  }
}
