import { act, fireEvent, screen } from '@testing-library/react';
import axe from 'axe-core';
import { describe, expect, it, vi } from 'vitest';
import { DeviceList, ShootProgress, ShootProgressPage, SyncIndicator } from '../src/index.ts';
import { NOW, pass, server, show, tick } from './setup.tsx';

const mac = { deviceId: 'mac', platform: 'macos', deviceName: "Maya's Mac", connectedAt: NOW };

async function violations(): Promise<string[]> {
  vi.useRealTimers();
  const found = await axe.run(document.body, {
    rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }, // needs a real page
  });
  vi.useFakeTimers();
  return found.violations.map((each) => `${each.id}: ${each.help}`);
}

describe('SyncIndicator', () => {
  const colour = () => document.querySelector('.kull-indicator')?.getAttribute('data-colour');

  it('is green when connected, yellow while it reconnects, green again', async () => {
    await show(<SyncIndicator delay={0} />);
    expect(colour()).toBe('green');
    expect(screen.getByRole('status').textContent).toBe('Connected');

    await act(async () => server.last.drop());
    await pass(1);
    expect(colour()).toBe('yellow');
    expect(screen.getByRole('status').textContent).toBe('Reconnecting…');
    await pass(2_000);
    await act(async () => server.last.welcome());
    expect(colour()).toBe('green');
  });

  it('says since when nothing came, once that is long', async () => {
    await show(<SyncIndicator delay={0} />);
    await act(async () => server.last.drop());
    await pass(2_000);
    await act(async () => server.last.drop());
    await pass(60_000);

    expect(screen.getByRole('status').textContent).toMatch(/^Reconnecting…, as of 1 min ago$/);
  });

  it('is yellow when the server itself gets no news, and says since when', async () => {
    await show(<SyncIndicator delay={0} />);
    await act(async () => server.last.emit('STALE', { queue: 'user', since: NOW - 60_000 }));
    await pass(1);
    expect(colour()).toBe('yellow');
    expect(screen.getByRole('status').textContent).toBe('No news, as of 1 min ago');
    await act(async () => server.last.emit('FRESH', { queue: 'user' }));

    expect(colour()).toBe('green');
  });

  it('with a wrong token is red, with an action and no further attempt', async () => {
    const onSignIn = vi.fn();
    await show(<SyncIndicator onSignIn={onSignIn} />);
    await act(async () => server.last.drop(4500));
    expect(colour()).toBe('red');
    fireEvent.click(screen.getByRole('button', { name: 'Sign in again' }));
    await pass(600_000);

    expect(onSignIn).toHaveBeenCalledTimes(1);
    expect(server.peers.length).toBe(1);
  });

  it('offers to try again', async () => {
    await show(<SyncIndicator />);
    await act(async () => server.last.drop(4504));
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await pass();

    expect(server.peers.length).toBe(2);
  });

  it('tells screen readers what it only shows as a dot', async () => {
    await show(<SyncIndicator showLabel={false} />);

    expect(screen.getByRole('status').className).toBe('kull-visually-hidden');
  });
});

describe('DeviceList', () => {
  it('names each device, since when it is connected, and this one', async () => {
    await show(<DeviceList />);
    expect(screen.getByText('No device is connected.')).toBeTruthy();
    const tab = { deviceId: 'tab', platform: 'web', deviceName: '', connectedAt: NOW };
    await act(async () => {
      server.last.emit('DEVICE_CONNECTED', mac, { id: 'a', seq: 1 });
      server.last.emit('DEVICE_CONNECTED', tab, { id: 'b', seq: 2 });
    });
    await pass(60_000);

    const rows = screen.getAllByRole('listitem').map((row) => row.textContent);
    expect(rows[0]).toContain('Web browserThis deviceConnected 1 min ago');
    expect(rows[1]).toContain("Maya's MacMac, connected 1 min ago");
    await act(async () => server.last.emit('DEVICE_DISCONNECTED', mac, { id: 'c', seq: 3 }));
    expect(screen.getAllByRole('listitem').length).toBe(1);
  });

  it('signs a device out only after a confirmation, by keyboard as well', async () => {
    const calls: [string, RequestInit][] = [];
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      calls.push([url, init]);
      return new Response(null, { status: 204 });
    });
    await show(<DeviceList />);
    await act(async () => server.last.emit('DEVICE_CONNECTED', mac, { id: 'a', seq: 1 }));
    const open = () => fireEvent.click(screen.getByRole('button', { name: "Sign out Maya's Mac" }));

    open();
    const group = screen.getByRole('group', {
      name: "Sign out Maya's Mac? It has to log in again.",
    });
    expect(document.activeElement?.textContent).toBe('Sign out');
    expect(await violations()).toEqual([]);
    fireEvent.keyDown(group, { key: 'Escape' });
    expect(document.activeElement?.getAttribute('aria-label')).toBe("Sign out Maya's Mac");
    expect(calls).toEqual([]);
    open();
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Sign out' })));

    expect(calls.map(([url]) => url)).toEqual(['/api/sync/devices/mac']);
    expect(calls[0]?.[1]).toMatchObject({
      method: 'DELETE',
      headers: { Authorization: 'Bearer maya:tab' },
    });
    expect(document.activeElement?.tagName).toBe('UL');
    await act(async () => server.last.emit('DEVICE_DISCONNECTED', mac, { id: 'b', seq: 2 }));
    expect(screen.queryByText("Maya's Mac")).toBeNull();
    vi.unstubAllGlobals();
    await pass(1);
  });

  it('says why a device was not signed out, and offers it again', async () => {
    const onSignOut = vi.fn(async () => {
      throw new Error('the token does not grant devices:manage');
    });
    await show(<DeviceList onSignOut={onSignOut} />);
    await act(async () => server.last.emit('DEVICE_CONNECTED', mac, { id: 'a', seq: 1 }));

    fireEvent.click(screen.getByRole('button', { name: "Sign out Maya's Mac" }));
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Sign out' })));

    expect(onSignOut).toHaveBeenCalledWith('mac');
    expect(screen.getByRole('alert').textContent).toContain('devices:manage');
    expect(screen.getByRole('button', { name: "Sign out Maya's Mac" })).toBeTruthy();
    await pass(1);
  });

  it('has no button for this device, nor where the application wants none', async () => {
    const tab = { ...mac, deviceId: 'tab' };
    const view = await show(<DeviceList />);
    await act(async () => server.last.emit('DEVICE_CONNECTED', tab, { id: 'a', seq: 1 }));
    expect(screen.queryByRole('button')).toBeNull();
    view.unmount();

    await show(<DeviceList onSignOut={false} />);
    await act(async () => server.last.emit('DEVICE_CONNECTED', mac, { id: 'a', seq: 1 }));

    expect(screen.queryByRole('button')).toBeNull();
  });

  it('shows a name as text, whatever it holds', async () => {
    await show(<DeviceList />);
    const device = { ...mac, deviceName: '<img src=x onerror=alert(1)>' };
    await act(async () => server.last.emit('DEVICE_CONNECTED', device, { id: 'a', seq: 1 }));

    expect(document.querySelector('img')).toBeNull();
    expect(screen.getByText(device.deviceName)).toBeTruthy();
  });
});

describe('ShootProgress', () => {
  it('shows all there is to know', async () => {
    await show(<ShootProgress shootId="s" title="Wedding" />);
    expect(screen.getByText('No news of this shoot yet.')).toBeTruthy();
    await tick({ processedCount: 4, eta: 150, currentImage: 'IMG_0004.jpg' });

    const bar = screen.getByRole('progressbar', { name: 'Progress of Wedding' });
    expect(bar.getAttribute('aria-valuenow')).toBe('40');
    expect(bar.getAttribute('aria-valuetext')).toBe('40 %, 4 of 10 photos, processing');
    for (const text of ['40 %', '4 of 10', 'IMG_0004.jpg', 'about 3 min', 'Replicate']) {
      expect(screen.getByText(text)).toBeTruthy();
    }
  });

  it('says why it failed', async () => {
    await show(<ShootProgress shootId="s" />);
    await tick({ status: 'failed', errorMessage: 'out of disk' });

    expect(screen.getByRole('alert').textContent).toBe('out of disk');
    expect(screen.getByText('Failed')).toBeTruthy();
  });
});

describe('ShootProgressPage', () => {
  it('says when what it shows may be old', async () => {
    await show(<ShootProgressPage shootId="s" />);
    expect(screen.getByRole('heading').textContent).toBe('Shoot s');
    expect(screen.getByRole('progressbar', { name: 'Progress of s' })).toBeTruthy();
    expect(screen.queryByText(/may have moved on/)).toBeNull();
    await act(async () => server.last.drop());
    await pass(1_000);

    expect(screen.getByText(/may have moved on/)).toBeTruthy();
  });
});

describe('accessibility', () => {
  it('has no violation that axe finds', async () => {
    await show(
      <main>
        <SyncIndicator />
        <ShootProgressPage shootId="s" title="Wedding" back={<a href="/">All shoots</a>} />
        <DeviceList />
      </main>,
    );
    await tick({ processedCount: 4, eta: 150, currentImage: 'IMG_0004.jpg' });
    await act(async () => server.last.emit('DEVICE_CONNECTED', mac, { id: 'a', seq: 9 }));

    expect(await violations()).toEqual([]);
  });
});
