import { type ReactElement, useState } from 'react';
import { api } from './api.ts';
import { day } from './format.ts';
import { Pager, Problem, Table } from './parts.tsx';
import { useLoad } from './use-load.ts';

export function ActionsPage(): ReactElement {
  const [before, setBefore] = useState(0);
  const { value, problem } = useLoad(`actions ${before}`, () => api.actions(before));
  return (
    <section aria-labelledby="actions">
      <h1 id="actions">Actions</h1>
      <p className="hint">What operators have done here, the newest first. Times are UTC.</p>
      <Problem text={problem} />
      {value && value.actions.length === 0 && <p className="hint">Nothing yet.</p>}
      {value && value.actions.length > 0 && (
        <div className="card">
          <Table
            caption="What operators have done"
            columns={['When', 'Who', 'What', 'To', 'How it ended']}
          >
            {value.actions.map((each) => (
              <tr key={each.number}>
                <td>
                  <time dateTime={new Date(each.at).toISOString()}>{day(each.at)}</time>
                </td>
                <td>{each.operator}</td>
                <td>{each.name.replaceAll('-', ' ')}</td>
                <td className="target">{each.target}</td>
                <td>{each.result || 'begun; no more is known'}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
      <Pager
        next={value?.next}
        onNext={() => setBefore(value?.next ?? 0)}
        {...(before > 0 && { onFirst: () => setBefore(0) })}
      />
    </section>
  );
}
