import { type ReactElement, useState } from 'react';
import { ago } from '../../../packages/sync-react/src/format.ts';
import { api, type EntryRow, type Queue } from './api.ts';
import { bytes, whole } from './format.ts';
import { Link } from './link.tsx';
import { Pager, Problem, Table } from './parts.tsx';
import { address, PAGES } from './router.ts';
import { NOW_AND_AGAIN, useLoad } from './use-load.ts';

const NEWEST = 50; // positions that are shown first

/** What lies in a queue, without what it says. */
export function Entries({ queue }: { queue: Queue }): ReactElement {
  const newest = Math.max(0, queue.head - NEWEST);
  const [after, setAfter] = useState(newest);
  const key = `entries ${queue.address} ${after} ${queue.head}`;
  const { value, problem } = useLoad(key, () => api.entries(queue.address, after), NOW_AND_AGAIN);
  const user = queue.address.startsWith('user:') ? queue.address.slice(5) : '';
  return (
    <>
      <h2>Queue</h2>
      <Problem text={problem} />
      {value && value.entries.length === 0 && (
        <p className="hint">Nothing lies behind seq {whole(after)}.</p>
      )}
      {value && value.entries.length > 0 && (
        <div className="card">
          <Table
            caption={`Entries of ${queue.address}`}
            columns={['Seq', 'Type', 'Stored', 'Kept', 'Size', 'Acknowledged by', 'Waits for']}
          >
            {value.entries.map((each) => (
              <Line entry={each} user={user} key={each.seq} />
            ))}
          </Table>
        </div>
      )}
      <p className="buttons">
        {after > 0 && (
          <button type="button" onClick={() => setAfter(Math.max(0, after - NEWEST))}>
            Older
          </button>
        )}
        {after < newest && (
          <button type="button" onClick={() => setAfter(newest)}>
            Newest
          </button>
        )}
      </p>
      <Pager next={value?.next} onNext={() => setAfter(value?.next ?? 0)} />
    </>
  );
}

function Line({ entry, user }: { entry: EntryRow; user: string }): ReactElement {
  return (
    <tr>
      <th scope="row">{whole(entry.seq)}</th>
      <td>
        <Link to={address(PAGES.Event, { id: entry.id, user })}>{entry.type}</Link>
        {entry.service && <span className="hint"> of {entry.service}</span>}
      </td>
      <td>{ago(entry.storedAt, Date.now())}</td>
      <td>
        {entry.contract}
        {entry.key && <span className="hint"> {entry.key}</span>}
      </td>
      <td>{bytes(entry.size)}</td>
      <td>{entry.acknowledgedBy.join(', ') || '–'}</td>
      <td>{entry.waitingFor.join(', ') || '–'}</td>
    </tr>
  );
}
