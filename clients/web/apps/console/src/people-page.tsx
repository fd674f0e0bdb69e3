import { type ReactElement, useState } from 'react';
import { ago, platformName } from '../../../packages/sync-react/src/format.ts';
import { Act, Outcome } from './act.tsx';
import { api, type DeviceRow, type User } from './api.ts';
import { Entries } from './entries.tsx';
import { whole } from './format.ts';
import { Link } from './link.tsx';
import { Dot, Pager, Problem, Search, Table } from './parts.tsx';
import { address, go, PAGES, useAddress } from './router.ts';
import { NOW_AND_AGAIN, useLoad } from './use-load.ts';

export function PeoplePage(): ReactElement {
  const { asked } = useAddress();
  const user = asked.get('user') ?? '';
  const prefix = asked.get('prefix') ?? '';
  return (
    <section aria-labelledby="people">
      <h1 id="people">People</h1>
      <Search
        label="User id, or how it begins"
        value={user || prefix}
        onSearch={(text) => go(address(PAGES.People, { prefix: text }))}
      />
      {user ? <Person user={user} key={user} /> : <Found prefix={prefix} key={prefix} />}
    </section>
  );
}

function Found({ prefix }: { prefix: string }): ReactElement {
  const [after, setAfter] = useState('');
  const { value, problem } = useLoad(`users ${prefix} ${after}`, () => api.users(prefix, after));
  return (
    <>
      <Problem text={problem} />
      {value && value.users.length === 0 && <p className="hint">Nobody's id begins like this.</p>}
      <ul className="links card" hidden={!value?.users.length}>
        {value?.users.map((each) => (
          <li key={each}>
            <Link to={address(PAGES.People, { user: each })}>{each}</Link>
          </li>
        ))}
      </ul>
      <Pager
        next={value?.next}
        onNext={() => setAfter(value?.next ?? '')}
        {...(after && { onFirst: () => setAfter('') })}
      />
    </>
  );
}

function Person({ user }: { user: string }): ReactElement {
  const [outcome, setOutcome] = useState('');
  const { value, problem, again } = useLoad(`user ${user}`, () => api.user(user), NOW_AND_AGAIN);
  const done = (result: string) => {
    setOutcome(result);
    again();
  };
  const sent = outcome.match(/sent (\S+)$/)?.[1];
  return (
    <>
      <h2>{user}</h2>
      <Problem text={problem} />
      <Outcome text={outcome} />
      {sent && (
        <p>
          <Link to={address(PAGES.Event, { id: sent, user })}>What becomes of it</Link>
        </p>
      )}
      {value && <Known person={value} onDone={done} />}
      {value?.queue && <Entries queue={value.queue} />}
    </>
  );
}

function Known(props: { person: User; onDone: (result: string) => void }): ReactElement {
  const { person, onDone } = props;
  const { user, queue, devices } = person;
  return (
    <>
      <p className="hint">
        {queue
          ? `The queue holds ${whole(queue.entries)} entries up to seq ${whole(queue.head)}, in shard ${queue.shard}.`
          : 'Nothing was ever stored for this user.'}
      </p>
      <p className="buttons">
        <Act
          name="test-event"
          label="Send a test event"
          question={`Send an event that says nothing to all devices of ${user}?`}
          wanted={{ user }}
          onDone={onDone}
        />
        <Act
          name="revoke"
          label="Revoke all tokens"
          question={`Take back all tokens of ${user}? Every device has to log in again.`}
          wanted={{ user }}
          danger
          onDone={onDone}
        />
      </p>
      {devices.length === 0 ? (
        <p className="hint">No device is known.</p>
      ) : (
        <div className="card">
          <Table
            caption={`Devices of ${user}`}
            columns={['Device', 'Connected to', 'Position', 'Behind', 'Last seen', '']}
          >
            {devices.map((each) => (
              <DeviceLine user={user} device={each} onDone={onDone} key={each.device} />
            ))}
          </Table>
        </div>
      )}
    </>
  );
}

function DeviceLine(props: {
  user: string;
  device: DeviceRow;
  onDone: (result: string) => void;
}): ReactElement {
  const { user, device: row, onDone } = props;
  const wanted = { user, device: row.device };
  return (
    <tr>
      <th scope="row">
        {row.name || row.device}
        <span className="hint">
          {' '}
          {platformName(row.platform)}, {row.device}
          {row.ephemeral && ', a tab'}
        </span>
      </th>
      <td>{row.connected ? <Dot ok>{row.edge || 'yes'}</Dot> : 'away'}</td>
      <td>{whole(row.cursor)}</td>
      <td>
        {whole(row.behind)}
        {row.since !== null && <span className="hint"> since {ago(row.since, Date.now())}</span>}
      </td>
      <td>{ago(row.lastSeen, Date.now())}</td>
      <td className="buttons">
        <Link to={address(PAGES.Event, wanted)}>Why</Link>
        <Act
          name="sign-out-device"
          label="Sign out"
          question={`Sign out ${row.name || row.device}? Its token is revoked, and it has to log in again.`}
          wanted={wanted}
          danger
          onDone={onDone}
        />
        <Act
          name="disconnect"
          label="Disconnect"
          question={`End the session of ${row.name || row.device}? Its token stays good.`}
          wanted={wanted}
          disabled={!row.connected}
          onDone={onDone}
        />
        <Act
          name="forget-device"
          label="Forget"
          question={`Forget ${row.name || row.device} and its position? If it comes again, it is new.`}
          wanted={wanted}
          danger
          onDone={onDone}
        />
      </td>
    </tr>
  );
}
