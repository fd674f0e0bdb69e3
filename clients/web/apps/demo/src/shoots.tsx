import { ShootProgress, ShootProgressPage, useShootProgress, useShoots } from '@kull/sync-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api } from './api.ts';
import { role, user } from './device.ts';
import { Link } from './link.tsx';

function useTitle(shootId: string): string {
  const known = useShoots().length;
  const { data } = useQuery({ queryKey: ['titles', known], queryFn: api.titles });
  return data?.[shootId] ?? shootId;
}

export function ShootsPage(): ReactElement {
  const shoots = useShoots();
  const start = useMutation({ mutationFn: (fails: boolean) => api.startShoot(user, fails) });
  return (
    <section aria-labelledby="shoots">
      <div className="head">
        <h1 id="shoots">Shoots</h1>
        <div className="buttons">
          <button type="button" className="primary" onClick={() => start.mutate(false)}>
            Start a shoot
          </button>
          {role === 'browser' && (
            <button type="button" onClick={() => start.mutate(true)}>
              …one that fails
            </button>
          )}
        </div>
      </div>
      {shoots.length === 0 && (
        <p className="hint">No shoots yet. Start one: every device follows it live.</p>
      )}
      <ul className="cards">
        {shoots.map(({ shootId }) => (
          <li className="card" key={shootId}>
            <Shoot shootId={shootId} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shoot({ shootId }: { shootId: string }): ReactElement {
  const title = useTitle(shootId);
  return (
    <>
      <ShootProgress shootId={shootId} title={title} />
      {role === 'browser' && (
        <Link to={`/shoots/${encodeURIComponent(shootId)}`}>
          Open<span className="kull-visually-hidden"> {title}</span>
        </Link>
      )}
    </>
  );
}

export function ShootPage({ shootId }: { shootId: string }): ReactElement {
  const { isCompleted } = useShootProgress(shootId);
  return (
    <div className="card">
      <ShootProgressPage
        shootId={shootId}
        title={useTitle(shootId)}
        back={<Link to="/">← All shoots</Link>}
      >
        {isCompleted && <p className="hint">All photographs are done.</p>}
      </ShootProgressPage>
    </div>
  );
}
