import { type ReactElement, useState } from 'react';
import { Act, Outcome } from './act.tsx';
import { api, type Letter } from './api.ts';
import { bytes, whole } from './format.ts';
import { Pager, Problem, Table } from './parts.tsx';
import { useSession } from './session.ts';
import { useLoad } from './use-load.ts';

/** What lies in `kull.dead`: looked at, published again, or discarded. */
export function DeadLetters(): ReactElement {
  const { me } = useSession();
  const [skip, setSkip] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [outcome, setOutcome] = useState('');
  const { value, problem, again } = useLoad(`dead ${skip}`, () => api.dead(skip));
  const letters = value?.letters ?? [];
  const done = (result: string) => {
    setOutcome(result);
    setChosen(new Set());
    setSkip(0);
    again();
  };
  const choose = (ids: readonly string[], yes: boolean) =>
    setChosen(
      (before) => new Set([...before].filter((id) => !ids.includes(id)).concat(yes ? ids : [])),
    );
  const ids = [...chosen];
  return (
    <>
      <h2>Dead letters</h2>
      <Problem text={problem} />
      <Outcome text={outcome} />
      {value && (
        <p className="hint">
          {value.all === 0 ? 'None.' : `${whole(value.all)} lie there, the oldest first.`}{' '}
          <button type="button" onClick={again}>
            Look again
          </button>
        </p>
      )}
      {letters.length > 0 && (
        <div className="card">
          {me.mayAct && (
            <p className="buttons">
              <label className="check">
                <input
                  type="checkbox"
                  checked={letters.every(({ id }) => chosen.has(id))}
                  onChange={(event) =>
                    choose(
                      letters.map(({ id }) => id),
                      event.target.checked,
                    )
                  }
                />
                All of this page
              </label>
              <Act
                name="republish"
                label="Publish again"
                question={`Publish ${ids.length} dead letters again where they had been published?`}
                wanted={{ ids }}
                disabled={ids.length === 0}
                onDone={done}
              />
              <Act
                name="discard"
                label="Discard"
                question={`Discard ${ids.length} dead letters? They are gone for good.`}
                wanted={{ ids }}
                danger
                disabled={ids.length === 0}
                onDone={done}
              />
            </p>
          )}
          <Table caption="Dead letters" columns={['Message', 'Reason', 'App id', 'Size', 'Body']}>
            {letters.map((each) => (
              <Line
                letter={each}
                chosen={chosen.has(each.id)}
                {...(me.mayAct && { onChoose: (yes: boolean) => choose([each.id], yes) })}
                key={each.place}
              />
            ))}
          </Table>
        </div>
      )}
      <Pager
        next={value?.next}
        onNext={() => setSkip(value?.next ?? 0)}
        {...(skip > 0 && { onFirst: () => setSkip(0) })}
      />
    </>
  );
}

function Line(props: {
  letter: Letter;
  chosen: boolean;
  onChoose?: (yes: boolean) => void;
}): ReactElement {
  const { letter, chosen, onChoose } = props;
  const name = letter.eventId || 'without an id';
  return (
    <tr>
      <th scope="row">
        {onChoose ? (
          <label className="check">
            <input
              type="checkbox"
              checked={chosen}
              onChange={(event) => onChoose(event.target.checked)}
            />
            {name}
          </label>
        ) : (
          name
        )}
        <span className="hint">
          {letter.type || 'no type'} for {letter.address || letter.routingKey || 'nobody'}
        </span>
      </th>
      <td>
        {letter.reason || 'RabbitMQ gave it up'}
        {letter.lost && <span className="hint"> Cannot be published again: {letter.lost}.</span>}
      </td>
      <td>{letter.appId || '–'}</td>
      <td>{bytes(letter.size)}</td>
      <td>
        {letter.body === null ? (
          <span className="hint">for console:act</span>
        ) : (
          <details>
            <summary>Show</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys */}
            <pre tabIndex={0}>{letter.body}</pre>
          </details>
        )}
      </td>
    </tr>
  );
}
