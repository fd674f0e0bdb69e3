/** The page of `make demo`: a browser and a phone of one user, and ways to break what is below. */

import { SyncProvider, useSync, useWebSocket } from '@kull/sync-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect } from 'react';
import { api } from './api.ts';
import { BreakIt } from './break-it.tsx';
import { colleague, deviceId, forcedToken, NAMES, nameOf, person, role, user } from './device.ts';
import { Header } from './header.tsx';
import { TunnelSocket, tellEdge } from './network.ts';
import { useGlobalSync } from './news.ts';
import { PromptsPage } from './prompts.tsx';
import { shootOf, usePath } from './router.ts';
import { SettingsPage } from './settings.tsx';
import { ShootPage, ShootsPage } from './shoots.tsx';
import { TogetherPage } from './together.tsx';

const isPhone = role === 'phone';
const TOGETHER = '/together';

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
  const isTogether = usePath() === TOGETHER;
  const other = isTogether ? nameOf(colleague) : person;
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
          <figcaption className="caption">{other}’s phone, at the same time</figcaption>
          <iframe
            key={other}
            title={`${other}’s phone`}
            src={
              isTogether ? `${TOGETHER}?${phoneQuery(colleague, user)}` : `/?${phoneQuery(user)}`
            }
          />
        </figure>
        <BreakIt />
      </aside>
    </div>
  );
}

/** The address of a person's phone; of a colleague's, who looks at the shoot with the other one. */
function phoneQuery(whose: string, other?: string): string {
  const query = new URLSearchParams(location.search);
  query.set('device', 'phone');
  query.set('user', whose);
  if (other) query.set('with', other);
  query.delete('token');
  return query.toString();
}

function Phone(): ReactElement {
  return (
    <div className="window">
      <DemoHeader />
      <main>{usePath() === TOGETHER ? <TogetherPage /> : <ShootsPage />}</main>
    </div>
  );
}

function DemoHeader(): ReactElement {
  const signIn = () => location.assign(location.pathname);
  return (
    <Header
      pages={isPhone ? [] : ['Shoots', 'Together', 'Prompts', 'Settings']}
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
  if (path === TOGETHER) return <TogetherPage />;
  if (path === '/prompts') return <PromptsPage />;
  if (path === '/settings') return <SettingsPage />;
  return <ShootsPage />;
}
