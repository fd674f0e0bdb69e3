/** The page of `make demo`: a browser and a phone of one user, and ways to break what is below. */

import { SyncProvider, useSync, useWebSocket } from '@kull/sync-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect } from 'react';
import { api } from './api.ts';
import { BreakIt } from './break-it.tsx';
import { deviceId, forcedToken, NAMES, person, role, user } from './device.ts';
import { Header } from './header.tsx';
import { TunnelSocket, tellEdge } from './network.ts';
import { useGlobalSync } from './news.ts';
import { PromptsPage } from './prompts.tsx';
import { shootOf, usePath } from './router.ts';
import { SettingsPage } from './settings.tsx';
import { ShootPage, ShootsPage } from './shoots.tsx';

const isPhone = role === 'phone';

async function token(): Promise<string> {
  if (forcedToken) return forcedToken;
  const platform = isPhone ? 'ios' : 'web';
  return (await api.token(user, NAMES[role], platform, deviceId())).token;
}

export function Demo({ edges }: { edges: string[] }): ReactElement {
  return (
    <SyncProvider
      url={isPhone ? [...edges].reverse() : edges}
      user={user}
      token={token}
      WebSocket={TunnelSocket}
      share={!isPhone}
      {...(isPhone && { store: false })}
    >
      <Window />
    </SyncProvider>
  );
}

function Window(): ReactElement {
  useGlobalSync();
  const client = useSync();
  const { isConnected } = useWebSocket();
  useEffect(() => {
    tellEdge((isConnected && client?.edge) || '');
  }, [isConnected, client]);
  return isPhone ? <Phone /> : <Browser />;
}

function Browser(): ReactElement {
  useEffect(() => {
    document.title = `Kull, ${person}’s browser`;
  }, []);
  return (
    <div className="stage">
      <div className="window">
        <p className="caption" aria-hidden="true">
          {person}’s browser
        </p>
        <DemoHeader />
        <main>
          <Page />
        </main>
      </div>
      <aside aria-label="Another device, and ways to break things">
        <figure className="phone">
          <figcaption className="caption">{person}’s phone, at the same time</figcaption>
          <iframe title={`${person}’s phone`} src={`/?${phoneQuery()}`} />
        </figure>
        <BreakIt />
      </aside>
    </div>
  );
}

function phoneQuery(): string {
  const query = new URLSearchParams(location.search);
  query.set('device', 'phone');
  query.delete('token');
  return query.toString();
}

function Phone(): ReactElement {
  return (
    <div className="window">
      <DemoHeader />
      <main>
        <ShootsPage />
      </main>
    </div>
  );
}

function DemoHeader(): ReactElement {
  const signIn = () => location.assign(location.pathname);
  return (
    <Header
      pages={isPhone ? [] : ['Shoots', 'Prompts', 'Settings']}
      {...(forcedToken && { onSignIn: signIn })}
    >
      <Credits />
    </Header>
  );
}

function Credits(): ReactElement {
  const { data } = useQuery({
    queryKey: ['/api/credits/balance'],
    queryFn: () => api.balance(user),
  });
  const buy = useMutation({ mutationFn: () => api.buyCredits(user) });
  return (
    <span className="credits">
      <span>
        <strong>{data?.balance ?? '…'}</strong> credits
      </span>
      {!isPhone && (
        <button type="button" onClick={() => buy.mutate()}>
          Buy 50
        </button>
      )}
    </span>
  );
}

function Page(): ReactElement {
  const path = usePath();
  const shoot = shootOf(path);
  if (shoot) return <ShootPage shootId={shoot} />;
  if (path === '/prompts') return <PromptsPage />;
  if (path === '/settings') return <SettingsPage />;
  return <ShootsPage />;
}
