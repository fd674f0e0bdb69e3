/** The user's connected devices, live. */

import type { Device } from '@kull/sync';
import type { ReactElement } from 'react';
import { ago, platformName } from './format.ts';
import { useDevices } from './hooks.ts';
import { useSync } from './provider.tsx';
import { useClient } from './use-client.ts';
import { useNow } from './use-now.ts';

const ICONS: Record<string, string> = {
  ios: '📱',
  android: '📱',
  macos: '💻',
  windows: '💻',
  linux: '💻',
  web: '🌐',
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
      <span className="kull-device-icon" aria-hidden="true">
        {ICONS[device.platform.toLowerCase()] ?? '🔗'}
      </span>
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
