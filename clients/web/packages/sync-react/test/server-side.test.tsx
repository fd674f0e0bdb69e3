/** @vitest-environment node */
import { renderToString } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import {
  DeviceList,
  ShootProgressPage,
  SyncIndicator,
  SyncProvider,
  useSync,
  useWebSocket,
} from '../src/index.ts';

function App() {
  const client = useSync();
  const { isConnected } = useWebSocket({ onCreditUpdate: () => {} });
  return (
    <>
      <SyncIndicator />
      <DeviceList />
      <ShootProgressPage shootId="s" />
      <p>{isConnected || client ? 'connected?' : 'on a server'}</p>
    </>
  );
}

describe('rendering on a server', () => {
  it('needs no WebSocket, and connects nothing', () => {
    expect(typeof window).toBe('undefined');

    const html = renderToString(
      <SyncProvider token={() => 'maya'}>
        <App />
      </SyncProvider>,
    );

    expect(html).toContain('on a server');
    expect(html).toContain('Connecting…');
  });
});
