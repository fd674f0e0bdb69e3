import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api } from './api.ts';

export function PromptsPage(): ReactElement {
  const { data = [] } = useQuery({ queryKey: ['/api/prompts'], queryFn: api.prompts });
  const vote = useMutation({ mutationFn: api.vote });
  return (
    <section aria-labelledby="prompts">
      <h1 id="prompts">Prompts</h1>
      <p className="hint">A vote is told to every device of everybody.</p>
      <ul className="cards">
        {data.map(({ id, title, votes }) => (
          <li className="card row" key={id}>
            <span>
              <strong>{title}</strong>{' '}
              <span className="hint">{votes === 1 ? '1 vote' : `${votes} votes`}</span>
            </span>
            <button type="button" onClick={() => vote.mutate(id)}>
              Vote<span className="kull-visually-hidden"> for {title}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
