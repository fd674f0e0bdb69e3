import { DeviceList, useConnectionState, useSync } from '@kull/sync-react';
import type { ReactElement } from 'react';

export function SettingsPage(): ReactElement {
  const client = useSync();
  const { name } = useConnectionState();
  const out = name === 'disconnected';
  return (
    <section aria-labelledby="settings">
      <h1 id="settings">Settings</h1>
      <h2>Your devices</h2>
      <div className="card">
        <DeviceList />
      </div>
      <h2>Account</h2>
      <div className="card row">
        <span>{out ? 'You are signed out.' : 'Signing out disconnects all tabs, for good.'}</span>
        <button type="button" onClick={() => (out ? client?.connect() : void client?.logout())}>
          {out ? 'Sign in' : 'Sign out'}
        </button>
      </div>
    </section>
  );
}
