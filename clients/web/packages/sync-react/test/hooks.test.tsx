import { act, render, renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { describe, expect, it, vi } from 'vitest';
import {
  SyncProvider,
  useConnectionState,
  useCredits,
  useDevices,
  useShootProgress,
  useShoots,
  useSyncStatus,
  useWebSocket,
  type WebSocketCallbacks,
} from '../src/index.ts';
import { page, pass, server, show, theClient, tick } from './setup.tsx';

const wrapper = ({ children }: { children: ReactNode }) => page(children);

async function hook<T>(use: () => T) {
  const rendered = renderHook(use, { wrapper });
  await pass();
  await act(async () => server.last.welcome());
  return rendered;
}

const open = () => server.peers.filter((peer) => !peer.isClosed).length;

describe('SyncProvider', () => {
  it('has one connection in StrictMode, and none once it is gone', async () => {
    const { unmount } = await show(<p>hello</p>);
    expect(open()).toBe(1);

    unmount();
    expect(open()).toBe(0);
  });

  it('keeps its connection when it renders again with a new token function', async () => {
    const { rerender } = await show(null, { token: () => 'maya' });
    for (let n = 0; n < 5; n++) rerender(page(null, { token: () => 'maya' }));
    await pass();

    expect(server.peers.length).toBe(1);
  });

  it('asks the token function it was given last', async () => {
    const { rerender } = await show(null, { token: () => 'old' });
    rerender(page(null, { token: () => 'new' }));
    await act(async () => server.last.drop(4501));
    await pass(2_000);

    expect(server.last.open()).toMatchObject({ token: 'new' });
  });

  it('makes another connection for another user', async () => {
    const { rerender } = await show(null, { token: () => 'maya', user: 'maya' });
    rerender(page(null, { token: () => 'otto', user: 'otto' }));
    await pass();

    expect(open()).toBe(1);
    expect(server.last.open()).toMatchObject({ token: 'otto' });
  });

  it('says what is missing', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});

    expect(() => render(<SyncProvider />)).toThrow('needs a `token` or a `client`');
    expect(() => renderHook(() => useDevices())).toThrow('needs a <SyncProvider>');
    vi.restoreAllMocks();
  });
});

describe('useWebSocket', () => {
  it('calls the callback of each event, as it was written last', async () => {
    const first = vi.fn();
    const second = vi.fn();
    const { rerender } = renderHook((callbacks: WebSocketCallbacks) => useWebSocket(callbacks), {
      wrapper,
      initialProps: { onCreditUpdate: first },
    });
    await pass();
    await act(async () => server.last.welcome());
    await act(async () => server.last.credit(1));
    rerender({ onCreditUpdate: second });
    await act(async () => server.last.credit(2));

    expect(first.mock.calls.map(([data]) => data.newBalance)).toEqual([1]);
    expect(second.mock.calls.map(([data]) => data.newBalance)).toEqual([2]);
    expect(server.peers.length).toBe(1);
  });

  it('has a callback for everything the seed names, and for losses', async () => {
    const calls: string[] = [];
    const note = (name: string) => () => void calls.push(name);
    await hook(() =>
      useWebSocket({
        onShootProgress: note('shoot'),
        onCreditUpdate: note('credit'),
        onPromptChange: note('prompt'),
        onDeviceConnected: note('connected'),
        onDeviceDisconnected: note('disconnected'),
        onRecoveryLost: note('lost'),
        onEvent: ({ type }) => void calls.push(type),
      }),
    );
    await tick({});
    await act(async () => {
      server.last.credit(2);
      server.last.emit('PROMPT_CHANGE', { promptId: 'p', action: 'voted' }, { id: 'p', seq: 3 });
      const device = { deviceId: 'mac', platform: 'macos', deviceName: 'Mac', connectedAt: 1 };
      server.last.emit('DEVICE_CONNECTED', device, { id: 'd', seq: 4 });
      server.last.emit('DEVICE_DISCONNECTED', device, { id: 'e', seq: 5 });
      server.last.emit('RECOVERY_LOST', { queue: 'user', head: 9 });
    });

    expect(calls.filter((name) => name === name.toLowerCase())).toEqual([
      ...['shoot', 'credit', 'prompt', 'connected', 'disconnected', 'lost'],
    ]);
    expect(calls.length).toBe(12);
  });

  it('does not take an event of a publisher for a loss', async () => {
    const calls: string[] = [];
    await hook(() =>
      useWebSocket({
        onRecoveryLost: () => void calls.push('lost'),
        onEvent: ({ type }) => void calls.push(type),
      }),
    );
    await act(async () => {
      server.last.emit('RECOVERY_LOST', { queue: 'user', head: 9 }, { id: 'a', seq: 1 });
    });

    expect(calls).toEqual(['RECOVERY_LOST']);
  });

  it('calls the callback of a type that it does not know yet, and no other one for it', async () => {
    const calls: string[] = [];
    const callbacks = {
      onCollectionShared: () => void calls.push('shared'),
      onEvent: ({ type }: { type: string }) => void calls.push(type),
    };
    await hook(() => useWebSocket(callbacks as WebSocketCallbacks));
    await act(async () => {
      server.last.emit('COLLECTION_SHARED', { collectionId: 'c' }, { id: 'a', seq: 1 });
      server.last.emit('EVENT', {}, { id: 'b', seq: 2 });
    });

    expect(calls).toEqual(['shared', 'COLLECTION_SHARED', 'EVENT']);
  });

  it('acknowledges when an async callback is done', async () => {
    let done: (() => void) | undefined;
    await hook(() =>
      useWebSocket({
        onCreditUpdate: () =>
          new Promise<void>((resolve) => {
            done = resolve;
          }),
      }),
    );
    await act(async () => server.last.credit(1));
    await pass(100);
    expect(server.last.of('ACK')).toEqual([]);
    done?.();
    await pass(100);

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
  });

  it('tells state and connection', async () => {
    const { result } = await hook(() => useWebSocket());

    expect(result.current.isConnected).toBe(true);
    await act(async () => server.last.drop());
    expect(result.current.isConnected).toBe(false);
    expect(result.current.state.name).toBe('reconnecting');
  });
});

describe('useShootProgress', () => {
  it('follows a shoot to its end', async () => {
    const { result } = await hook(() => useShootProgress('s'));
    expect(result.current).toMatchObject({ progress: undefined, progressPercentage: 0 });

    await tick({ status: 'queued', processedCount: 0 });
    expect(result.current.isQueued).toBe(true);
    await tick({ processedCount: 3, eta: 120, currentImage: 'IMG_0003.jpg' });
    expect(result.current).toMatchObject({ isProcessing: true, progressPercentage: 30, eta: 120 });
    await tick({ status: 'completed', processedCount: 10 });

    expect(result.current).toMatchObject({
      ...{ isProcessing: false, isCompleted: true, isFailed: false, progressPercentage: 100 },
    });
  });

  it('ignores a stale tick, and the ticks of other shoots', async () => {
    const { result } = await hook(() => useShootProgress('s'));
    await tick({ processedCount: 3 }, 2_000);
    await tick({ processedCount: 5 }, 1_000);
    await tick({ processedCount: 4 }, 3_000, 1); // it comes late
    await tick({ shootId: 'other', processedCount: 9 }, 3_000);

    expect(result.current.progressPercentage).toBe(50);
  });

  it('is not 100 % before the shoot is completed, nor is it NaN without photos', async () => {
    const { result } = await hook(() => useShootProgress('s'));
    await tick({ processedCount: 10 });
    expect(result.current.progressPercentage).toBe(99);
    await tick({ processedCount: 0, totalCount: 0 });
    expect(result.current.progressPercentage).toBe(0);
  });

  it('does not render again for what it does not show', async () => {
    const renders = vi.fn();
    await hook(() => {
      renders();
      return useShootProgress('s');
    });
    await tick({});
    const before = renders.mock.calls.length;
    await tick({ shootId: 'other' });
    await act(async () => server.last.credit(9));

    expect(renders.mock.calls.length).toBe(before);
  });
});

describe('the other hooks', () => {
  it('tell the newest balance and all shoots', async () => {
    const { result } = await hook(() => ({ credits: useCredits(), shoots: useShoots() }));
    await tick({ shootId: 'a' }, 1_000);
    await tick({ shootId: 'b' }, 2_000);
    await act(async () => server.last.credit(3));

    expect(result.current.credits?.newBalance).toBe(3);
    expect(result.current.shoots.map((shoot) => shoot.shootId)).toEqual(['b', 'a']);
  });

  it('tell the devices, live', async () => {
    const { result } = await hook(() => useDevices());
    const device = { deviceId: 'mac', platform: 'macos', deviceName: 'Mac', connectedAt: 1 };
    await act(async () => server.last.emit('DEVICE_CONNECTED', device, { id: 'd', seq: 1 }));

    expect(result.current).toEqual([device]);
  });

  it('tell every change of the connection', async () => {
    const { result } = await hook(() => useConnectionState());
    await act(async () => server.last.drop(4500, 'forged'));

    expect(result.current).toMatchObject({ name: 'failed', previous: 'connected', code: 4500 });
  });
});

describe('useSyncStatus', () => {
  it('does not show a blip', async () => {
    const { result } = await hook(() => useSyncStatus({ delay: 3_000 }));
    await act(async () => server.last.drop());
    await pass(2_000);
    expect(result.current.colour).toBe('green');
    await act(async () => server.last.welcome());
    await pass(5_000);

    expect(result.current).toEqual({ phase: 'live', colour: 'green', reason: '' });
  });

  it('shows what lasts, since when, and good news at once', async () => {
    const { result } = await hook(() => useSyncStatus({ delay: 1_000 }));
    const lostAt = Date.now();
    await act(async () => server.last.drop());
    await pass(1_000);
    expect(result.current).toMatchObject({
      ...{ phase: 'reconnecting', colour: 'yellow', staleSince: lostAt, retryAt: lostAt + 2_000 },
    });
    await pass(1_000);
    await act(async () => server.last.welcome());

    expect(result.current.phase).toBe('live');
  });

  it('shows at once what needs a person', async () => {
    const { result } = await hook(() => useSyncStatus({ delay: 60_000 }));
    await act(async () => server.last.drop(4502));

    expect(result.current).toMatchObject({ phase: 'action-needed', action: 'sign-in' });
  });

  it('shows how far catching up is', async () => {
    const { result } = await hook(() => useSyncStatus({ delay: 0 }));
    await act(async () => server.last.credit(1));
    await act(async () => server.last.drop());
    await pass(2_000);
    await act(async () => server.last.welcome({}, { after: 1, head: 5 }));
    await act(async () => server.last.credit(2));

    expect(result.current).toMatchObject({
      phase: 'catching-up',
      catchingUp: { done: 1, total: 4 },
    });
    await act(async () => server.last.credit(5));
    expect(result.current.phase).toBe('live');
  });

  it('is red after logging out', async () => {
    const { result } = await hook(() => useSyncStatus());
    await act(() => theClient().logout());

    expect(result.current).toMatchObject({ phase: 'disconnected', colour: 'red' });
  });
});
