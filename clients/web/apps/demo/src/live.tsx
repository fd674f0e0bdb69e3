/** The page on a mesh alone (`kull up`, a gateway): what a device sees, for a token. */

import {
  DeviceList,
  ShootProgress,
  ShootProgressPage,
  SyncProvider,
  useCredits,
  useShoots,
  useSync,
} from '@kull/sync-react';
import { type FormEvent, type ReactElement, useState } from 'react';
import { forcedToken } from './device.ts';
import { Header } from './header.tsx';
import { Link } from './link.tsx';
import { useGlobalSync } from './news.ts';
import { shootOf, usePath } from './router.ts';

const KEPT = 'kull-token'; // of this tab alone

export function Live({ edges }: { edges: string[] }): ReactElement {
  const [token, setToken] = useState(() => forcedToken ?? sessionStorage.getItem(KEPT) ?? '');
  const take = (now: string) => {
    sessionStorage.setItem(KEPT, now);
    setToken(now);
  };
  if (!token) return <SignIn onToken={take} />;
  return (
    <SyncProvider token={token} {...(edges.length > 0 && { url: edges })}>
      <Window onSignOut={() => take('')} />
    </SyncProvider>
  );
}

function SignIn({ onToken }: { onToken: (token: string) => void }): ReactElement {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onToken(String(new FormData(event.currentTarget).get('token')).trim());
  };
  return (
    <main className="sign-in card">
      <h1>Kull</h1>
      <p className="hint">See what a device of yours would see. It needs a device token:</p>
      <pre>kull token --user maya --device browser</pre>
      <form onSubmit={submit}>
        <label htmlFor="token">Device token</label>
        <input id="token" name="token" required autoComplete="off" spellCheck={false} />
        <button type="submit" className="primary">
          Connect
        </button>
      </form>
    </main>
  );
}

function Window({ onSignOut }: { onSignOut: () => void }): ReactElement {
  useGlobalSync();
  const path = usePath();
  const shoot = shootOf(path);
  const credits = useCredits();
  return (
    <div className="window alone">
      <Header pages={['Shoots', 'Settings']} onSignIn={onSignOut}>
        <span className="credits">
          {credits && (
            <span>
              <strong>{credits.newBalance}</strong> credits
            </span>
          )}
        </span>
      </Header>
      <main>
        {shoot ? (
          <div className="card">
            <ShootProgressPage shootId={shoot} back={<Link to="/">← All shoots</Link>} />
          </div>
        ) : path === '/settings' ? (
          <Settings onSignOut={onSignOut} />
        ) : (
          <Shoots />
        )}
      </main>
    </div>
  );
}

function Shoots(): ReactElement {
  const shoots = useShoots();
  const user = useSync()?.userId || 'maya';
  return (
    <section aria-labelledby="shoots">
      <h1 id="shoots">Shoots</h1>
      {shoots.length === 0 && (
        <>
          <p className="hint">No shoots yet. Send something, and it is here at once:</p>
          <pre>
            {`kull send shoot-progress --user ${user} --shoot dunes --status processing ` +
              '--processed 3 --total 20 --provider Local'}
          </pre>
        </>
      )}
      <ul className="cards">
        {shoots.map(({ shootId }) => (
          <li className="card" key={shootId}>
            <ShootProgress shootId={shootId} />
            <Link to={`/shoots/${encodeURIComponent(shootId)}`}>
              Open<span className="kull-visually-hidden"> {shootId}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Settings({ onSignOut }: { onSignOut: () => void }): ReactElement {
  const client = useSync();
  const signOut = async () => {
    await client?.logout();
    onSignOut();
  };
  return (
    <section aria-labelledby="settings">
      <h1 id="settings">Settings</h1>
      <h2>Your devices</h2>
      <div className="card">
        <DeviceList />
      </div>
      <h2>Account</h2>
      <div className="card row">
        <span>Signing out disconnects all tabs, for good.</span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </div>
    </section>
  );
}
