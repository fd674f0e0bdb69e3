import { SyncProvider } from '@kull/sync-react';
import '@kull/sync-react/styles.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { api } from './api.ts';
import { App } from './app.tsx';
import './demo.css';
import { deviceId, forcedToken, NAMES, role, user } from './device.ts';
import { TunnelSocket } from './network.ts';
import { Toasts } from './toasts.tsx';

const isPhone = role === 'phone';

async function token(): Promise<string> {
  if (forcedToken) return forcedToken;
  const platform = isPhone ? 'ios' : 'web';
  return (await api.token(user, NAMES[role], platform, deviceId())).token;
}

async function start(root: HTMLElement): Promise<void> {
  document.documentElement.dataset.role = role;
  const { edges } = await api.mesh();
  const urls = edges.map((edge) => edge.url);
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient()}>
        <SyncProvider
          url={isPhone ? urls.reverse() : urls}
          user={user}
          token={token}
          WebSocket={TunnelSocket}
          share={!isPhone}
          {...(isPhone && { store: false })}
        >
          <Toasts>
            <App />
          </Toasts>
        </SyncProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}

start(document.getElementById('root') as HTMLElement);
