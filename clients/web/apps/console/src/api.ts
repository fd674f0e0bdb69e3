/** What the console's server tells, and does. Moments are ms since the Unix epoch. */

export interface Me {
  id: string;
  name: string;
  mayAct: boolean;
  csrf: string;
}

export interface Ways {
  key: boolean;
  oidc: boolean;
}

export interface Health {
  ok: boolean;
  problem: string;
  ms: number | null;
}

export interface RouterRow {
  id: string;
  target: string;
  version: string;
  shards: number[];
  shardCount: number;
  sessions: number;
  startedAt: number;
  broker: Health;
  store: Health;
  counters: Record<
    'stored' | 'duplicates' | 'stale' | 'pushes' | 'gaps' | 'deadLetters' | 'readdressed',
    number
  >;
}

export interface EdgeRow {
  id: string;
  version: string;
  sessions: number;
  waitingBytes: number;
  attachedAt: number;
  routers: string[];
}

export interface Overview {
  at: number;
  tookMs: number;
  routers: RouterRow[];
  silent: Record<string, string>;
  edges: EdgeRow[];
  sessions: number;
  shards: { count: number; unowned: number[] };
  /** `partial`: at least so many, there was no time to look at all. */
  backlog: { devices: number; positions: number; partial: boolean } | null;
  deadWaiting: number | null;
  unroutedWaiting: number | null;
  unaddressed: Record<string, number>;
}

export interface Point {
  number: number;
  at: number;
  sessions: number;
  events: number;
  deliveries: number;
  dead: number;
  behind: number | null;
  refused: number;
  closed: number;
}

export interface CodeRow {
  code: number;
  name: string;
  refused: number;
  closed: number;
  /** Both together, in each of the last 15 minutes, the newest last. */
  minutes: number[];
}

export interface Look {
  overview: Overview | null;
  points: Point[];
  codes: CodeRow[];
}

export interface Queue {
  address: string;
  shard: number;
  head: number;
  floor: number;
  entries: number;
}

export interface DeviceRow {
  device: string;
  name: string;
  platform: string;
  ephemeral: boolean;
  connected: boolean;
  edge: string;
  cursor: number;
  behind: number;
  /** When the oldest was stored that it has not acknowledged; null: it has all that is kept. */
  since: number | null;
  lastSeen: number;
}

export interface User {
  user: string;
  queue: Queue | null;
  devices: DeviceRow[];
}

export interface EntryRow {
  seq: number;
  id: string;
  type: string;
  service: string;
  contract: string;
  key: string;
  final: boolean;
  storedAt: number;
  size: number;
  acknowledgedBy: string[];
  waitingFor: string[];
}

export interface Story {
  title: string;
  verdict: string;
  lines: { at: number; text: string }[];
  devices: { user: string; device: string; verdict: string; text: string }[];
}

export interface Why {
  stories: Story[];
  caveats: string[];
  now: number;
}

export interface Behind {
  devices: number;
  positions: number;
  partial: boolean;
  worst: {
    user: string;
    device: string;
    name: string;
    behind: number;
    /** When the oldest was stored that it has not acknowledged; null: none of it is kept. */
    since: number | null;
    connected: boolean;
    lastSeen: number;
  }[];
}

export interface Letter {
  /** The same for messages that are the same in everything. */
  id: string;
  /** Its place in the queue, 0: the oldest. */
  place: number;
  eventId: string;
  type: string;
  appId: string;
  address: string;
  routingKey: string;
  reason: string;
  size: number;
  lost: string;
  /** null: whoever looks may not know. */
  body: string | null;
}

export interface Follower {
  user: string;
  device: string;
  name: string;
  platform: string;
  edge: string;
  session: number;
}

export interface ActionRow {
  number: number;
  at: number;
  operator: string;
  name: string;
  target: string;
  result: string;
}

/** What an action is for. */
export interface Wanted {
  user?: string;
  device?: string;
  ids?: string[];
}

/** An answer that is none of what was asked for; the text says what to do. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

async function call<T>(method: string, path: string, body?: object, csrf = ''): Promise<T> {
  const answer = await fetch(`/console/api/${path}`, {
    method,
    ...(body && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'x-csrf-token': csrf },
    }),
  });
  if (answer.ok) return (await answer.json()) as T;
  const said = await answer.json().catch(() => ({}));
  const detail = typeof said.detail === 'string' ? said.detail : `it answered ${answer.status}`;
  throw new Refused(answer.status, detail);
}

function get<T>(path: string, asked: Record<string, string | number> = {}): Promise<T> {
  const query = new URLSearchParams(
    Object.entries(asked).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return call<T>('GET', query.size ? `${path}?${query}` : path);
}

export const api = {
  me: () => get<{ ways: Ways; me: Me | null }>('me'),
  signIn: (key: string) => call<{ me: Me }>('POST', 'sign-in', { key }),
  signOut: (me: Me) => call('POST', 'sign-out', {}, me.csrf),
  users: (prefix: string, after = '') =>
    get<{ users: string[]; next: string | null }>('users', { prefix, after }),
  user: (user: string) => get<User>('user', { user }),
  entries: (queue: string, after: number) =>
    get<{ queue: Queue | null; entries: EntryRow[]; next: number | null }>('entries', {
      address: queue,
      after,
    }),
  why: (event: string, user: string, device: string) => get<Why>('why', { event, user, device }),
  behind: () => get<Behind>('behind'),
  dead: (skip: number) =>
    get<{ letters: Letter[]; all: number; next: number | null }>('dead', { skip }),
  rooms: (after: string) =>
    get<{
      rooms: { address: string; sessions: number; members: number }[];
      next: string | null;
    }>('rooms', {
      after,
    }),
  room: (room: string) => get<{ sessions: Follower[]; all: number }>('room', { address: room }),
  actions: (before: number) =>
    get<{ actions: ActionRow[]; next: number | null }>('actions', { before }),
  act: (me: Me, name: string, wanted: Wanted) =>
    call<{ result: string }>('POST', `actions/${name}`, wanted, me.csrf),
};
