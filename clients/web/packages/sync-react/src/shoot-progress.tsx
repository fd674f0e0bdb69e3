/** How far a shoot is. */

import type { ShootProgress as Progress } from '@kull/sync';
import type { ReactElement, ReactNode } from 'react';
import { duration } from './format.ts';
import { type ShootProgressState, useShootProgress } from './hooks.ts';

export interface ShootProgressProps {
  shootId: string;
  /** What stands above the bar; the shoot's id if absent. */
  title?: ReactNode;
  /** How screen readers call the shoot; its title, if that is a text, or its id. */
  name?: string;
  className?: string;
}

/** Bar, percentage, current image, time left and provider; the reason if it failed. */
export function ShootProgress(props: ShootProgressProps): ReactElement {
  const { shootId, title, className = '' } = props;
  const state = useShootProgress(shootId);
  const { progress, progressPercentage: percentage } = state;
  const name = props.name ?? (typeof title === 'string' ? title : shootId);
  return (
    <section
      className={`kull-shoot ${className}`}
      data-status={progress?.status ?? 'unknown'}
      aria-label={`Shoot ${name}`}
    >
      <header className="kull-shoot-head">
        <span className="kull-shoot-title">{title ?? shootId}</span>
        <span className="kull-shoot-status">{statusText(state)}</span>
      </header>
      <div
        className="kull-bar"
        role="progressbar"
        aria-label={`Progress of ${name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percentage}
        aria-valuetext={valueText(progress, percentage)}
      >
        <div className="kull-bar-fill" style={{ width: `${percentage}%` }} />
      </div>
      <Details progress={progress} />
      {state.isFailed && (
        <p className="kull-shoot-error" role="alert">
          {progress?.errorMessage || 'It failed, and the provider did not say why.'}
        </p>
      )}
    </section>
  );
}

function Details({ progress }: { progress: Readonly<Progress> | undefined }): ReactElement {
  if (!progress) return <p className="kull-shoot-more">No news of this shoot yet.</p>;
  const { currentImage, eta, processedCount, totalCount, provider, status } = progress;
  const running = status === 'processing' || status === 'queued';
  return (
    <dl className="kull-shoot-more">
      <Detail name="Photos">{`${processedCount} of ${totalCount}`}</Detail>
      {running && currentImage && <Detail name="Now">{currentImage}</Detail>}
      {running && eta !== undefined && <Detail name="Left">{duration(eta)}</Detail>}
      <Detail name="By">{provider}</Detail>
    </dl>
  );
}

function Detail({ name, children }: { name: string; children: ReactNode }): ReactElement {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function statusText({ progress, progressPercentage }: ShootProgressState): string {
  switch (progress?.status) {
    case 'queued':
      return 'Queued';
    case 'processing':
      return `${progressPercentage} %`;
    case 'completed':
      return 'Done';
    case 'failed':
      return 'Failed';
    default:
      return 'Waiting';
  }
}

function valueText(progress: Readonly<Progress> | undefined, percentage: number): string {
  if (!progress) return 'no news yet';
  return `${percentage} %, ${progress.processedCount} of ${progress.totalCount} photos, ${progress.status}`;
}
