/** Every state of every component at once, each on a server that is played in the page. */

import {
  DeviceList,
  ShootProgress,
  SyncIndicator,
  SyncProvider,
  useConnectionState,
  useSync,
} from '../packages/sync-react/src/index.ts';
import {
  Avatars,
  OnlineDot,
  TypingIndicator,
  useRoom,
} from '../packages/sync-react/src/rooms/index.ts';
import '../packages/sync-react/src/styles.css';
import { type ReactElement, type ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type Peer, Server } from '../packages/sync/test/server.ts';

const MINUTE = 60_000;
const shoot = { shootId: 's', processedCount: 23, totalCount: 60, provider: 'Replicate' };
const device = (deviceId: string, platform: string, deviceName: string, minutes: number) => ({
  ...{ deviceId, platform, deviceName, connectedAt: Date.now() - minutes * MINUTE },
});

const tick = (fields: object) => (peer: Peer) => {
  peer.welcome();
  peer.emit('SHOOT_PROGRESS', { ...shoot, ...fields }, { id: 'a', seq: 1, timestamp: 1 });
};
const lost = (peer: Peer) => {
  peer.welcome();
  peer.drop(1006);
};
const refused = (peer: Peer) => {
  peer.open();
  peer.drop(4500, 'the token was revoked');
};

const indicator = <SyncIndicator delay={0} onSignIn={() => {}} />;
const progress = (title: string) => <ShootProgress shootId="s" title={title} />;

const QUEUE = 'room:wedding';
const PEOPLE = ['maya', 'otto', 'zoe', 'ada'];
const member = (userId: string, devices = 1) => ({
  ...{ userId, since: 1 + PEOPLE.indexOf(userId), state: { viewing: 'IMG_0012' } },
  devices: Array.from({ length: devices }, (_, n) => ({ deviceId: `${userId}-${n}` })),
});
const capital = (userId: string) => userId.charAt(0).toUpperCase() + userId.slice(1);

function Together(): ReactElement {
  const room = useRoom('wedding');
  return (
    <>
      <Avatars
        room={room}
        nameOf={capital}
        doing={({ state }) => state && `looks at ${state.viewing}`}
      />
      <TypingIndicator room={room} nameOf={capital} />
    </>
  );
}

/** Welcomes, lets the device join and tells this of its room. */
const inside = (presence: object, typers: string[]) => (peer: Peer) => {
  peer.welcome();
  setTimeout(() => {
    const ref = peer.of('JOIN').at(-1)?.ref;
    peer.emit('JOINED', { queue: QUEUE, head: 0, after: 0, recovered: true, ref });
    peer.emit('PRESENCE', { queue: QUEUE, generation: [1, 1], ...presence });
    const type = () => {
      for (const userId of typers) {
        peer.emit('TYPING', { userId }, { id: `t-${Math.random()}`, queue: QUEUE });
      }
    };
    type();
    setInterval(type, 3_000); // for ever, to be looked at
  }, 500); // StrictMode or not, it has asked by then
};

const status = (online: boolean, minutes: number) => (peer: Peer) => {
  peer.welcome();
  const lastSeen = online ? 0 : Date.now() - minutes * MINUTE;
  peer.emit('STATUS', { users: [{ userId: 'otto', online, lastSeen, generation: [1, 1] }] });
};

/** Leaves as soon as it is connected, as after a log-out. */
function LoggedOut(): ReactElement {
  const client = useSync();
  const { name } = useConnectionState();
  useEffect(() => {
    if (name === 'connected') client?.disconnect();
  }, [client, name]);
  return indicator;
}

const STATES: [string, ReactElement, (peer: Peer) => void][] = [
  ['connected', indicator, (peer) => peer.welcome()],
  ['connecting', indicator, () => {}],
  ['reconnecting', indicator, lost],
  [
    'catching up',
    indicator,
    (peer) => {
      peer.welcome();
      peer.credit(1);
      peer.welcome({}, { after: 1, head: 4_000 });
      let seq = 1_200;
      setInterval(() => peer.credit(++seq), 300); // for ever, to be looked at
    },
  ],
  [
    'stale',
    indicator,
    (peer) => {
      peer.welcome();
      peer.emit('STALE', { queue: 'user', since: Date.now() - 3 * MINUTE });
    },
  ],
  ['disconnected', <LoggedOut key="out" />, (peer) => peer.welcome()],
  ['action needed: sign in', indicator, refused],
  [
    'action needed: retry',
    indicator,
    (peer) => {
      peer.open();
      peer.drop(4504, 'an operator ended the session');
    },
  ],
  ['no news yet', progress('Dunes at dawn'), (peer) => peer.welcome()],
  ['queued', progress('City run'), tick({ status: 'queued', processedCount: 0 })],
  [
    'processing',
    progress('Wedding in Leuven'),
    tick({ status: 'processing', currentImage: 'IMG_0023.jpg', eta: 140 }),
  ],
  ['completed', progress('Wedding in Ghent'), tick({ status: 'completed', processedCount: 60 })],
  [
    'failed',
    progress('Product day'),
    tick({ status: 'failed', errorMessage: 'IMG_0024.jpg is no photograph' }),
  ],
  [
    'four together',
    <Together key="four" />,
    inside({ count: 4, members: PEOPLE.map((each) => member(each, each === 'otto' ? 2 : 1)) }, [
      'otto',
      'zoe',
    ]),
  ],
  [
    'a large room',
    <Together key="large" />,
    inside({ count: 312, partial: true, neighbours: PEOPLE.map((each) => member(each)) }, []),
  ],
  ['online', <OnlineDot key="on" user="otto" nameOf={capital} showLabel />, status(true, 0)],
  ['offline', <OnlineDot key="off" user="otto" nameOf={capital} showLabel />, status(false, 12)],
  ['no device', <DeviceList key="none" />, (peer) => peer.welcome()],
  [
    'three devices',
    <DeviceList key="three" />,
    (peer) =>
      peer.welcome({
        devices: [
          device('tab', 'web', '', 0),
          device('phone', 'ios', "Maya's phone", 12),
          device('mac', 'macos', "Maya's Mac", 190),
        ],
      }),
  ],
];

function Played(props: { play: (peer: Peer) => void; children: ReactNode }): ReactElement {
  const [WebSocket] = useState(() => {
    const server = new Server();
    return class extends server.WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        if (server.peers.length === 1) setTimeout(() => props.play(server.last));
      }
    };
  });
  return (
    <SyncProvider
      url="ws://gallery.test/ws"
      token="maya"
      share={false}
      store={false}
      random={() => 1}
      connectTimeout={MINUTE}
      WebSocket={WebSocket}
    >
      {props.children}
    </SyncProvider>
  );
}

createRoot(document.body).render(
  <main>
    <h1>Components</h1>
    {STATES.map(([name, component, play]) => (
      <section key={name} aria-label={name}>
        <h2>{name}</h2>
        <Played play={play}>{component}</Played>
      </section>
    ))}
  </main>,
);
