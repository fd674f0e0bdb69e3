/** Every state of every component at once, each on a server that is played in the page. */

import {
  DeviceList,
  ShootProgress,
  SyncIndicator,
  SyncProvider,
  useConnectionState,
  useSync,
} from '../packages/sync-react/src/index.ts';
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
