/** The user's connected devices, live. */

import type { Device } from '@kull/sync';
import type { ReactElement } from 'react';
import { ago, platformName } from './format.ts';
import { useDevices } from './hooks.ts';
import { useSync } from './provider.tsx';
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

export interface DeviceListProps {
  className?: string;
}

export function DeviceList({ className = '' }: DeviceListProps): ReactElement {
  const devices = useDevices();
  const own = useClient((client) => client.deviceId, '');
  const now = useNow(15_000);
  useSync();
  if (devices.length === 0) return <p className="kull-empty">No device is connected.</p>;
  return (
    <ul className={`kull-devices ${className}`} aria-label="Connected devices">
      {[...devices].sort(byOwnThenAge(own)).map((device) => (
        <DeviceRow
          key={device.deviceId}
          device={device}
          isOwn={device.deviceId === own}
          now={now}
        />
      ))}
    </ul>
  );
}

function DeviceRow(props: { device: Device; isOwn: boolean; now: number }): ReactElement {
  const { device, isOwn, now } = props;
  const platform = platformName(device.platform);
  return (
    <li className="kull-device">
      <svg className="kull-device-icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d={ICONS[device.platform.toLowerCase()] ?? GLOBE} />
      </svg>
      <span className="kull-device-name">{device.deviceName || platform}</span>
      {isOwn && <span className="kull-badge">This device</span>}
      <span className="kull-device-more">
        {device.deviceName ? `${platform}, connected ` : 'Connected '}
        <time dateTime={new Date(device.connectedAt).toISOString()}>
          {ago(device.connectedAt, now)}
        </time>
      </span>
    </li>
  );
}

function byOwnThenAge(own: string) {
  return (a: Device, b: Device) =>
    Number(b.deviceId === own) - Number(a.deviceId === own) || a.connectedAt - b.connectedAt;
}
