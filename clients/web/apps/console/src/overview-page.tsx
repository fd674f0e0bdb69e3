import type { ReactElement } from 'react';
import { ago } from '../../../packages/sync-react/src/format.ts';
import type { EdgeRow, Health, Overview, Point, RouterRow } from './api.ts';
import { bytes, ranges, rate, whole } from './format.ts';
import type { Live } from './live.ts';
import { Dot, Table } from './parts.tsx';
import { Sparkline } from './sparkline.tsx';

export function OverviewPage({ live }: { live: Live }): ReactElement {
  const { overview, points, heard } = live;
  return (
    <section aria-labelledby="overview">
      <h1 id="overview">Overview</h1>
      {!heard && (
        <p role="status" className="problem">
          The console's server is not heard: what stands here may be old.
        </p>
      )}
      {overview && <Figures overview={overview} points={points} />}
      {overview && <Nodes overview={overview} />}
    </section>
  );
}

function Figures({ overview, points }: { overview: Overview; points: Point[] }): ReactElement {
  const last = points.at(-1);
  const of = (name: 'events' | 'deliveries' | 'sessions' | 'behind' | 'refused' | 'closed') =>
    points.map((each) => each[name] ?? 0);
  const refusals = points.map((each) => each.refused + each.closed);
  return (
    <ul className="figures" aria-label="Figures of the last 15 minutes">
      <Figure name="Sessions" value={whole(overview.sessions)} curve={of('sessions')} />
      <Figure name="Events a second" value={rate(last?.events ?? 0)} curve={of('events')} />
      <Figure name="Pushes a second" value={rate(last?.deliveries ?? 0)} curve={of('deliveries')} />
      <Figure
        name="Devices behind"
        value={
          overview.backlog
            ? `${overview.backlog.partial ? '≥ ' : ''}${whole(overview.backlog.devices)}`
            : '–'
        }
        curve={of('behind')}
        {...(overview.backlog && { more: `${whole(overview.backlog.positions)} positions` })}
      />
      <Figure
        name="Refused, closed"
        value={whole(refusals.reduce((sum, each) => sum + each, 0))}
        curve={refusals}
        more="in 15 minutes"
      />
      <Figure
        name="Dead letters"
        value={overview.deadWaiting === null ? '–' : whole(overview.deadWaiting)}
        curve={points.map((each) => each.dead)}
        more={`${overview.unroutedWaiting ?? '–'} unrouted`}
      />
    </ul>
  );
}

function Figure(props: {
  name: string;
  value: string;
  curve: number[];
  more?: string;
}): ReactElement {
  const { name, value, curve, more } = props;
  return (
    <li className="card figure">
      <span className="figure-name">{name}</span>
      <span className="figure-value">{value}</span>
      <span className="hint">{more ?? '\u00a0'}</span>
      <Sparkline values={curve} label={`${name}, the last 15 minutes`} />
    </li>
  );
}

function Nodes({ overview }: { overview: Overview }): ReactElement {
  const { routers, silent, edges, shards, at } = overview;
  return (
    <>
      <h2>Routers</h2>
      {shards.unowned.length > 0 && (
        <p role="alert" className="problem">
          Nobody owns the shards {ranges(shards.unowned)}: their devices wait.
        </p>
      )}
      {Object.entries(silent).map(([target, why]) => (
        <p role="alert" className="problem" key={target}>
          {why}
        </p>
      ))}
      <div className="card">
        <Table
          caption="Routers"
          columns={['Router', 'Shards', 'Sessions', 'RabbitMQ', 'Store', 'Stored', 'Started']}
        >
          {routers.map((each) => (
            <RouterLine router={each} now={at} key={each.target} />
          ))}
        </Table>
      </div>
      <h2>Edges</h2>
      <div className="card">
        <Table
          caption="Edges"
          columns={['Edge', 'Version', 'Sessions', 'Waiting for it', 'Routers', 'Attached']}
        >
          {edges.map((each) => (
            <EdgeLine edge={each} routers={routers.length} now={at} key={each.id} />
          ))}
        </Table>
      </div>
      <p className="hint">The routers answered in {overview.tookMs} ms.</p>
    </>
  );
}

function RouterLine({ router, now }: { router: RouterRow; now: number }): ReactElement {
  return (
    <tr>
      <th scope="row">
        {router.id}
        <span className="hint"> {router.version}</span>
      </th>
      <td>
        {router.shards.length} of {router.shardCount}
        <span className="hint"> {ranges(router.shards)}</span>
      </td>
      <td>{whole(router.sessions)}</td>
      <td>
        <State health={router.broker} />
      </td>
      <td>
        <State health={router.store} />
      </td>
      <td>{whole(router.counters.stored)}</td>
      <td>{ago(router.startedAt, now)}</td>
    </tr>
  );
}

function State({ health }: { health: Health }): ReactElement {
  if (!health.ok) return <Dot ok={false}>{health.problem}</Dot>;
  return <Dot ok>{health.ms === null ? 'fine' : `${health.ms} ms`}</Dot>;
}

function EdgeLine(props: { edge: EdgeRow; routers: number; now: number }): ReactElement {
  const { edge, routers, now } = props;
  return (
    <tr>
      <th scope="row">{edge.id}</th>
      <td>{edge.version}</td>
      <td>{whole(edge.sessions)}</td>
      <td>{bytes(edge.waitingBytes)}</td>
      <td>
        <Dot ok={edge.routers.length >= routers}>
          {edge.routers.length} of {routers}
        </Dot>
      </td>
      <td>{ago(edge.attachedAt, now)}</td>
    </tr>
  );
}
