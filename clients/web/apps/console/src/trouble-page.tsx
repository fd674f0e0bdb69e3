import type { ReactElement } from 'react';
import { ago } from '../../../packages/sync-react/src/format.ts';
import { api, type Overview } from './api.ts';
import { DeadLetters } from './dead-letters.tsx';
import { bytes, whole } from './format.ts';
import { Link } from './link.tsx';
import type { Live } from './live.ts';
import { Problem, Table } from './parts.tsx';
import { address, PAGES } from './router.ts';
import { Sparkline } from './sparkline.tsx';
import { useLoad } from './use-load.ts';

const SLOW = 64 * 1024; // bytes that wait for an edge

export function TroublePage({ live }: { live: Live }): ReactElement {
  return (
    <section aria-labelledby="trouble">
      <h1 id="trouble">Trouble</h1>
      <DeadLetters />
      <Codes live={live} />
      <Behind />
      {live.overview && <Slow overview={live.overview} />}
      {live.overview && <Unaddressed overview={live.overview} />}
    </section>
  );
}

function Codes({ live }: { live: Live }): ReactElement {
  const { codes, points } = live;
  return (
    <>
      <h2>Refused and closed sessions, the last 15 minutes</h2>
      {codes.length === 0 ? (
        <p className="hint">None.</p>
      ) : (
        <div className="card">
          <Sparkline
            values={points.map((each) => each.refused + each.closed)}
            label="Refused and closed sessions over the last 15 minutes"
          />
          <Table
            caption="Close codes"
            columns={['Code', 'Meaning', 'Refused', 'Closed by routers', 'By minute']}
          >
            {codes.map((each) => (
              <tr key={each.code}>
                <th scope="row">{each.code}</th>
                <td>{each.name.replaceAll('_', ' ')}</td>
                <td>{whole(each.refused)}</td>
                <td>{whole(each.closed)}</td>
                <td>
                  <Sparkline
                    values={each.minutes}
                    label={`Code ${each.code} by minute, the last 15 minutes`}
                  />
                </td>
              </tr>
            ))}
          </Table>
        </div>
      )}
    </>
  );
}

function Behind(): ReactElement {
  const { value, problem, again } = useLoad('behind', api.behind);
  return (
    <>
      <h2>Devices that are behind</h2>
      <Problem text={problem} />
      {value && (
        <p className="hint">
          {value.partial && 'At least '}
          {whole(value.devices)} devices, by {whole(value.positions)} positions.{' '}
          <button type="button" onClick={again}>
            Look again
          </button>
        </p>
      )}
      {value && value.worst.length > 0 && (
        <div className="card">
          <Table
            caption="The furthest behind"
            columns={['Device', 'User', 'Behind', 'Since', 'State']}
          >
            {value.worst.map((each) => (
              <tr key={`${each.user} ${each.device}`}>
                <th scope="row">
                  <Link to={address(PAGES.Event, { user: each.user, device: each.device })}>
                    {each.name || each.device}
                  </Link>
                </th>
                <td>
                  <Link to={address(PAGES.People, { user: each.user })}>{each.user}</Link>
                </td>
                <td>{whole(each.behind)}</td>
                <td>{each.since === null ? '–' : ago(each.since, Date.now())}</td>
                <td>{each.connected ? 'connected' : `seen ${ago(each.lastSeen, Date.now())}`}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
    </>
  );
}

function Slow({ overview }: { overview: Overview }): ReactElement {
  const slow = overview.edges.filter((each) => each.waitingBytes > SLOW);
  const gaps = overview.routers.reduce((sum, each) => sum + each.counters.gaps, 0);
  return (
    <>
      <h2>Slow edges</h2>
      <p className="hint">
        {slow.length === 0 ? 'None now.' : ''} {whole(gaps)} pushes were dropped since the routers
        started, as an edge did not keep up; its devices caught up.
      </p>
      <ul className="links card" hidden={!slow.length}>
        {slow.map((each) => (
          <li key={each.id}>
            {each.id}: {bytes(each.waitingBytes)} wait for it
          </li>
        ))}
      </ul>
    </>
  );
}

function Unaddressed({ overview }: { overview: Overview }): ReactElement {
  const publishers = Object.entries(overview.unaddressed);
  return (
    <>
      <h2>Publishers without the right shard</h2>
      {publishers.length === 0 ? (
        <p className="hint">None since the routers started.</p>
      ) : (
        <div className="card">
          <Table caption="Publishers" columns={['App id', 'Messages that were readdressed']}>
            {publishers.map(([name, count]) => (
              <tr key={name}>
                <th scope="row">{name || 'it says none'}</th>
                <td>{whole(count)}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
    </>
  );
}
