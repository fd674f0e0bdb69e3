/** The application's own server, as far as the demo needs one. */

/** Who serves this page. */
export interface About {
  /** Whether it also plays Kull's services and can be broken; else it is a mesh alone. */
  demo: boolean;
  /** Where to connect; none: to `/ws` here. */
  edges: string[];
}

export interface Edge {
  name: string;
  alive: boolean;
}

export interface Mesh {
  edges: Edge[];
  router: boolean;
}

export interface Prompt {
  id: string;
  title: string;
  votes: number;
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return (await answer.json()) as T;
}

export const api = {
  about: () => call<About>('GET', '/api/page'),
  mesh: () => call<Mesh>('GET', '/api/play'),
  token: (user: string, name: string, platform: string, device: string) =>
    call<{ token: string }>('POST', '/api/play/token', { user, name, platform, device }),
  balance: (user: string) =>
    call<{ balance: number }>('GET', `/api/credits/balance?user=${encodeURIComponent(user)}`),
  titles: () => call<Record<string, string>>('GET', '/api/play/titles'),
  prompts: () => call<Prompt[]>('GET', '/api/prompts'),
  startShoot: (user: string, fails = false) =>
    call<{ shootId: string }>('POST', '/api/play/shoots', { user, fails }),
  buyCredits: (user: string) => call('POST', '/api/play/credits', { user, change: 50 }),
  vote: (id: string) => call('POST', `/api/prompts/${encodeURIComponent(id)}/vote`),
  killEdge: (name: string) => call('POST', `/api/play/edges/${encodeURIComponent(name)}/kill`),
  restartRouter: () => call('POST', '/api/play/router/restart'),
};
