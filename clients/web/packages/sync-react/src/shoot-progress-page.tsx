/** A whole page for `/shoots/:id`. */

import type { ReactElement, ReactNode } from 'react';
import { ShootProgress } from './shoot-progress.tsx';
import { useSyncStatus } from './status.ts';
import { labelOf } from './sync-indicator.tsx';
import { useNow } from './use-now.ts';

export interface ShootProgressPageProps {
  shootId: string;
  /** How the shoot is called; its id if absent. */
  title?: string;
  /** What leads back, e.g. a link. */
  back?: ReactNode;
  children?: ReactNode;
}

export function ShootProgressPage(props: ShootProgressPageProps): ReactElement {
  const { shootId, title, back, children } = props;
  const status = useSyncStatus();
  const stale = status.phase !== 'live';
  const now = useNow(1_000, stale);
  return (
    <article className="kull-page">
      {back && <nav aria-label="Back">{back}</nav>}
      <h1>{title ?? `Shoot ${shootId}`}</h1>
      <ShootProgress shootId={shootId} title="Progress" name={title ?? shootId} />
      {stale && (
        <p className="kull-note">
          {labelOf(status, now)}. What you see may have moved on; it is brought up to date by
          itself.
        </p>
      )}
      {children}
    </article>
  );
}
