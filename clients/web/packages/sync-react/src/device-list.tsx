/** The user's connected devices, live. */

import type { Device } from '@kull/sync';
import { type KeyboardEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import { ago, platformName } from './format.ts';
import { useDevices } from './hooks.ts';
import { useSignOut, useSync } from './provider.tsx';
import { useClient } from './use-client.ts';
import { useNow } from './use-now.ts';

// Outlines on a grid of 24.
const PHONE = 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm3 15h2';
const LAPTOP = 'M6 5h12a1 1 0 0 1 1 1v9H5V6a1 1 0 0 1 1-1zM3 19h18';
const GLOBE = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18';
const ICONS: Record<string, string> = {
  android: PHONE,
  ios: PHONE,
  linux: LAPTOP,
  macos: LAPTOP,
  windows: LAPTOP,
};

type SignOut = (deviceId: string) => Promise<unknown>;

export interface DeviceListProps {
  /**
   * What signs a device out, see `useSignOut`; it is called after the person has confirmed. false:
   * there is no button.
   */
  onSignOut?: SignOut | false;
  className?: string;
}

export function DeviceList({ onSignOut, className = '' }: DeviceListProps): ReactElement {
  const devices = useDevices();
  const own = useClient((client) => client.deviceId, '');
  const now = useNow(15_000);
  const byToken = useSignOut();
  const signOut = onSignOut ?? byToken;
  useSync();
  if (devices.length === 0) return <p className="kull-empty">No device is connected.</p>;
  return (
    <ul className={`kull-devices ${className}`} aria-label="Connected devices" tabIndex={-1}>
      {[...devices].sort(byOwnThenAge(own)).map((device) => (
        <DeviceRow
          key={device.deviceId}
          device={device}
          isOwn={device.deviceId === own}
          now={now}
          signOut={signOut || undefined}
        />
      ))}
    </ul>
  );
}

function DeviceRow(props: {
  device: Device;
  isOwn: boolean;
  now: number;
  signOut: SignOut | undefined;
}): ReactElement {
  const { device, isOwn, now, signOut } = props;
  const platform = platformName(device.platform);
  const name = device.deviceName || platform;
  return (
    <li className="kull-device">
      <svg className="kull-device-icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d={ICONS[device.platform.toLowerCase()] ?? GLOBE} />
      </svg>
      <span className="kull-device-name">{name}</span>
      {isOwn && <span className="kull-badge">This device</span>}
      <span className="kull-device-more">
        {device.deviceName ? `${platform}, connected ` : 'Connected '}
        <time dateTime={new Date(device.connectedAt).toISOString()}>
          {ago(device.connectedAt, now)}
        </time>
      </span>
      {!isOwn && signOut && <SignOutButton name={name} signOut={() => signOut(device.deviceId)} />}
    </li>
  );
}

function SignOutButton(props: { name: string; signOut: () => Promise<unknown> }): ReactElement {
  const { name, signOut } = props;
  const [step, setStep] = useState<'rest' | 'ask' | 'busy'>('rest');
  const [problem, setProblem] = useState('');
  const opener = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  useEffect(() => {
    if (step === 'ask') first.current?.focus();
    else if (step === 'rest' && asked.current) opener.current?.focus();
    asked.current = step !== 'rest';
  }, [step]);

  async function confirm(from: HTMLElement): Promise<void> {
    const list = from.closest('ul');
    setStep('busy');
    try {
      await signOut();
      list?.focus(); // the row goes, the keyboard stays where it was
    } catch (error) {
      setProblem(`${name} was not signed out: ${error instanceof Error ? error.message : error}`);
      setStep('rest');
    }
  }

  if (step === 'rest') {
    const ask = () => {
      setProblem('');
      setStep('ask');
    };
    const label = `Sign out ${name}`;
    return (
      <div className="kull-device-actions">
        <button type="button" className="kull-button" ref={opener} aria-label={label} onClick={ask}>
          Sign out
        </button>
        {problem && (
          <p className="kull-note" role="alert">
            {problem}
          </p>
        )}
      </div>
    );
  }
  const busy = step === 'busy';
  const close = (event: KeyboardEvent) => event.key === 'Escape' && !busy && setStep('rest');
  return (
    <fieldset className="kull-device-actions" onKeyDown={close}>
      <legend className="kull-note">{`Sign out ${name}? It has to log in again.`}</legend>
      <button
        type="button"
        className="kull-button"
        ref={first}
        aria-disabled={busy}
        onClick={(event) => !busy && void confirm(event.currentTarget)}
      >
        {busy ? 'Signing out…' : 'Sign out'}
      </button>
      {!busy && (
        <button type="button" className="kull-button" onClick={() => setStep('rest')}>
          Cancel
        </button>
      )}
    </fieldset>
  );
}

function byOwnThenAge(own: string) {
  return (a: Device, b: Device) =>
    Number(b.deviceId === own) - Number(a.deviceId === own) || a.connectedAt - b.connectedAt;
}
