/** Breaks the mesh below, while one looks at what the devices make of it. */

import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { api, type Edge } from './api.ts';
import type { Role } from './device.ts';
import { cutOff, useCut, useEdgeOf } from './network.ts';

export function BreakIt(): ReactElement {
  const { data } = useQuery({ queryKey: ['mesh'], queryFn: api.mesh, refetchInterval: 500 });
  const restart = useMutation({ mutationFn: api.restartRouter });
  return (
    <section className="panel" aria-labelledby="break-it">
      <h2 id="break-it">Break it</h2>
      <p className="hint">Whatever you break comes back, and no credit is lost.</p>
      <ul className="parts">
        <Device who="browser" label="Browser" />
        <Device who="phone" label="Phone" />
        {data?.edges.map((edge) => (
          <EdgeRow key={edge.name} edge={edge} />
        ))}
        <Part label="Router" state={data?.router ? 'runs' : 'restarts'} fine={data?.router}>
          <button type="button" disabled={!data?.router} onClick={() => restart.mutate()}>
            Restart
          </button>
        </Part>
      </ul>
    </section>
  );
}

function Device({ who, label }: { who: Role; label: string }): ReactElement {
  const cut = useCut(who);
  const edge = useEdgeOf(who);
  const state = edge ? `on ${edge}` : 'connecting';
  return (
    <Part label={label} state={cut ? 'no network' : state} fine={!cut && edge !== ''}>
      <button type="button" aria-pressed={cut} onClick={() => cutOff(who, !cut)}>
        {cut ? 'Go online' : 'Go offline'}
      </button>
    </Part>
  );
}

function EdgeRow({ edge }: { edge: Edge }): ReactElement {
  const kill = useMutation({ mutationFn: () => api.killEdge(edge.name) });
  return (
    <Part label={`Server ${edge.name}`} state={edge.alive ? 'runs' : 'dead'} fine={edge.alive}>
      <button type="button" disabled={!edge.alive} onClick={() => kill.mutate()}>
        Kill
      </button>
    </Part>
  );
}

function Part(props: {
  label: string;
  state: string;
  fine: boolean | undefined;
  children: ReactElement;
}): ReactElement {
  const { label, state, fine, children } = props;
  return (
    <li className="part" data-fine={fine ?? true}>
      <span className="part-label">{label}</span>
      <span className="part-state">{state}</span>
      {children}
    </li>
  );
}
