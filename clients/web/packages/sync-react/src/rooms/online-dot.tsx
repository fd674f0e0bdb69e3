/** Whether a user is online. */

import type { ReactElement } from 'react';
import { ago } from '../format.ts';
import { useNow } from '../use-now.ts';
import { useOnline } from './hooks.ts';
import { type NameOf, plainName } from './names.ts';

export interface OnlineDotProps {
  /** The user's id. */
  user: string;
  /** Whether the text is shown beside the dot; screen readers get it always. */
  showLabel?: boolean;
  /** What the user is called; its id if absent. */
  nameOf?: NameOf;
  className?: string;
}

/** Filled: online. A ring: offline, or not known. */
export function OnlineDot(props: OnlineDotProps): ReactElement {
  const { user, showLabel = false, nameOf = plainName, className = '' } = props;
  const [status] = useOnline([user]);
  const now = useNow(15_000, status?.online === false);
  const state = status ? (status.online ? 'online' : 'offline') : 'unknown';
  const seen = status?.lastSeen ? `last seen ${ago(status.lastSeen, now)}` : 'offline';
  const text = `${nameOf(user)}: ${state === 'offline' ? seen : STATES[state]}`;
  return (
    <span className={`kull-online ${className}`} data-state={state} title={text}>
      <span className="kull-online-dot" aria-hidden="true" />
      <span className={showLabel ? 'kull-label' : 'kull-visually-hidden'}>{text}</span>
    </span>
  );
}

const STATES = { online: 'online', unknown: 'not known' };
