import { type ReactElement, useState } from 'react';
import { platformName } from '../../../packages/sync-react/src/format.ts';
import { api } from './api.ts';
import { whole } from './format.ts';
import { Link } from './link.tsx';
import { Pager, Problem, Table } from './parts.tsx';
import { address, PAGES, useAddress } from './router.ts';
import { NOW_AND_AGAIN, useLoad } from './use-load.ts';

export function RoomsPage(): ReactElement {
  const { asked } = useAddress();
  const room = asked.get('room') ?? '';
  return (
    <section aria-labelledby="rooms">
      <h1 id="rooms">Rooms</h1>
      {room ? <Room room={room} key={room} /> : <Rooms />}
    </section>
  );
}

function Rooms(): ReactElement {
  const [after, setAfter] = useState('');
  const { value, problem } = useLoad(`rooms ${after}`, () => api.rooms(after), NOW_AND_AGAIN);
  return (
    <>
      <p className="hint">Rooms that somebody follows now.</p>
      <Problem text={problem} />
      {value && value.rooms.length === 0 && <p className="hint">There are none.</p>}
      {value && value.rooms.length > 0 && (
        <div className="card">
          <Table caption="Rooms that are followed" columns={['Room', 'Members', 'Sessions']}>
            {value.rooms.map((each) => (
              <tr key={each.address}>
                <th scope="row">
                  <Link to={address(PAGES.Rooms, { room: each.address })}>
                    {each.address.replace(/^room:/, '')}
                  </Link>
                </th>
                <td>{whole(each.members)}</td>
                <td>{whole(each.sessions)}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
      <Pager
        next={value?.next}
        onNext={() => setAfter(value?.next ?? '')}
        {...(after && { onFirst: () => setAfter('') })}
      />
    </>
  );
}

function Room({ room }: { room: string }): ReactElement {
  const { value, problem } = useLoad(`room ${room}`, () => api.room(room), NOW_AND_AGAIN);
  return (
    <>
      <p>
        <Link to={PAGES.Rooms}>All rooms</Link>
      </p>
      <h2>{room.replace(/^room:/, '')}</h2>
      <Problem text={problem} />
      {value && (
        <p className="hint">
          {whole(value.all)} sessions
          {value.all > value.sessions.length && `, the first ${value.sessions.length} of them`}.
        </p>
      )}
      {value && value.sessions.length > 0 && (
        <div className="card">
          <Table caption={`Who is in ${room}`} columns={['User', 'Device', 'Platform', 'Edge']}>
            {value.sessions.map((each) => (
              <tr key={`${each.edge} ${each.session}`}>
                <th scope="row">
                  <Link to={address(PAGES.People, { user: each.user })}>{each.user}</Link>
                </th>
                <td>{each.name || each.device}</td>
                <td>{platformName(each.platform)}</td>
                <td>{each.edge}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
    </>
  );
}
