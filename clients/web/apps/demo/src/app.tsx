import { SyncIndicator, useSync, useWebSocket } from '@kull/sync-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactElement, useEffect } from 'react';
import { api } from './api.ts';
import { BreakIt } from './break-it.tsx';
import { forcedToken, role, user } from './device.ts';
import { Link } from './link.tsx';
import { tellEdge } from './network.ts';
import { PromptsPage } from './prompts.tsx';
import { usePath } from './router.ts';
import { SettingsPage } from './settings.tsx';
import { ShootPage, ShootsPage } from './shoots.tsx';
import { useToast } from './toasts.tsx';

/** What the seed shows: events refetch what they change, and say so. */
function useGlobalSync(): void {
  const queryClient = useQueryClient();
  const toast = useToast();
  const client = useSync();
  const { isConnected } = useWebSocket({
    onCreditUpdate: ({ change, reason }) => {
      queryClient.invalidateQueries({ queryKey: ['/api/credits/balance'] });
      toast(change > 0 ? 'Credits added' : 'Credits used', `${signed(change)}, ${reason}`);
    },
    onPromptChange: ({ promptId, action }) => {
      queryClient.invalidateQueries({ queryKey: ['/api/prompts'] });
      toast('Prompts', `${promptId.replaceAll('-', ' ')} ${NEWS[action]}`);
    },
    onDeviceConnected: ({ deviceName }) => toast('Device connected', deviceName),
    onDeviceDisconnected: ({ deviceName }) => toast('Device disconnected', deviceName),
    onRecoveryLost: () => void queryClient.invalidateQueries(),
  });
  useEffect(() => {
    if (isConnected && client) tellEdge(client.edge);
  }, [isConnected, client]);
}

const NEWS = { created: 'is new', updated: 'has changed', deleted: 'is gone', voted: 'got a vote' };
const signed = (change: number) => (change > 0 ? `+${change}` : `−${Math.abs(change)}`);

export function App(): ReactElement {
  useGlobalSync();
  return role === 'phone' ? <Phone /> : <Browser />;
}

function Browser(): ReactElement {
  return (
    <div className="stage">
      <div className="window">
        <Header />
        <main>
          <Page />
        </main>
      </div>
      <aside aria-label="Another device, and ways to break things">
        <figure className="phone">
          <figcaption>The same user’s phone</figcaption>
          <iframe title="The phone of the same user" src={`/?${phoneQuery()}`} />
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
      <Header />
      <main>
        <ShootsPage />
      </main>
    </div>
  );
}

function Header(): ReactElement {
  const signIn = () => location.assign(location.pathname);
  return (
    <header>
      <span className="logo">Kull</span>
      {role === 'browser' && (
        <nav aria-label="Pages">
          <Link nav to="/">
            Shoots
          </Link>
          <Link nav to="/prompts">
            Prompts
          </Link>
          <Link nav to="/settings">
            Settings
          </Link>
        </nav>
      )}
      <Credits />
      <SyncIndicator {...(forcedToken && { onSignIn: signIn })} />
    </header>
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
      {role === 'browser' && (
        <button type="button" onClick={() => buy.mutate()}>
          Buy 50
        </button>
      )}
    </span>
  );
}

function Page(): ReactElement {
  const path = usePath();
  const shoot = path.match(/^\/shoots\/([^/]+)$/)?.[1];
  if (shoot) return <ShootPage shootId={decodeURIComponent(shoot)} />;
  if (path === '/prompts') return <PromptsPage />;
  if (path === '/settings') return <SettingsPage />;
  return <ShootsPage />;
}
