import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import { ActionsPage } from './actions-page.tsx';
import { api, type Me, type Ways } from './api.ts';
import { EventPage } from './event-page.tsx';
import { Link } from './link.tsx';
import { type Live, useLive } from './live.ts';
import { OverviewPage } from './overview-page.tsx';
import { PeoplePage } from './people-page.tsx';
import { RoomsPage } from './rooms-page.tsx';
import { PAGES, useAddress } from './router.ts';
import { SessionContext } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { TroublePage } from './trouble-page.tsx';

export function Console(): ReactElement | null {
  const [ways, setWays] = useState<Ways>();
  const [me, setMe] = useState<Me | null>(null);
  const ask = useCallback(() => {
    api.me().then(
      (told) => {
        setWays(told.ways);
        setMe(told.me);
      },
      () => setWays({ key: true, oidc: false }),
    );
  }, []);
  useEffect(ask, [ask]);
  const session = useMemo(() => me && { me, lost: ask }, [me, ask]);
  if (!ways) return null;
  if (!session) return <SignIn ways={ways} onSignedIn={setMe} />;
  return (
    <SessionContext value={session}>
      <Signed me={session.me} lost={ask} />
    </SessionContext>
  );
}

function Signed({ me, lost }: { me: Me; lost: () => void }): ReactElement {
  const { path } = useAddress();
  const live = useLive(lost);
  const dead = live.overview?.deadWaiting ?? 0;
  return (
    <div className="window">
      <header>
        <span className="logo">
          Kull <span className="logo-more">console</span>
        </span>
        <nav aria-label="Pages">
          {Object.entries(PAGES).map(([name, to]) => (
            <Link to={to} current={path === to} key={name}>
              {name}
              {name === 'Trouble' && dead > 0 && <span className="count">{dead}</span>}
            </Link>
          ))}
        </nav>
        <span className="who">
          {me.name}
          {!me.mayAct && <span className="kull-badge">may look</span>}
        </span>
        <button type="button" onClick={() => api.signOut(me).finally(lost)}>
          Sign out
        </button>
      </header>
      <main>
        <Page path={path} live={live} />
      </main>
    </div>
  );
}

function Page({ path, live }: { path: string; live: Live }): ReactElement {
  switch (path) {
    case PAGES.People:
      return <PeoplePage />;
    case PAGES.Event:
      return <EventPage />;
    case PAGES.Trouble:
      return <TroublePage live={live} />;
    case PAGES.Rooms:
      return <RoomsPage />;
    case PAGES.Actions:
      return <ActionsPage />;
    default:
      return <OverviewPage live={live} />;
  }
}
