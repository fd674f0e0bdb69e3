import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import axe from 'axe-core';
import { type ReactElement, useState } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SyncProvider } from '../src/index.ts';
import {
  Avatars,
  OnlineDot,
  TypingIndicator,
  useMyState,
  useOnline,
  useRoom,
  useTyping,
} from '../src/rooms/index.ts';
import { listOf } from '../src/rooms/names.ts';
import { NOW, pass, server, show } from './setup.tsx';

const QUEUE = 'room:wedding';
const NAMES: Record<string, string> = { maya: 'Maya Peeters', otto: 'Otto', zoe: 'Zoe' };
const nameOf = (userId: string) => NAMES[userId] ?? userId;

const member = (userId: string, since = 1, devices = 1, state?: object) => ({
  ...{ userId, since, ...(state && { state }) },
  devices: Array.from({ length: devices }, (_, n) => ({ deviceId: `${userId}-${n}` })),
});

async function joined(): Promise<void> {
  const ref = server.last.of('JOIN').at(-1)?.ref;
  const standing = { queue: QUEUE, head: 0, after: 0, recovered: true, ref };
  await act(async () => server.last.emit('JOINED', standing));
}
let number = 0;
const presence = (fields: object) =>
  act(async () =>
    server.last.emit('PRESENCE', { queue: QUEUE, generation: [1, ++number], ...fields }),
  );
const typing = (userId: string) =>
  act(async () => server.last.emit('TYPING', { userId }, { id: `t-${userId}`, queue: QUEUE }));

async function violations(): Promise<string[]> {
  vi.useRealTimers();
  const found = await axe.run(document.body, {
    rules: { region: { enabled: false }, 'color-contrast': { enabled: false } }, // needs a real page
  });
  vi.useFakeTimers();
  return found.violations.map((each) => `${each.id}: ${each.help}`);
}

function Shoot(): ReactElement {
  const room = useRoom('wedding');
  const [{ viewing }, setState] = useMyState(room, { viewing: 'IMG_1' });
  const { typing: type } = useTyping(room);
  return (
    <>
      <p>{room?.isJoined ? `joined, ${viewing}` : `${room?.error?.code ?? 'outside'}`}</p>
      <button type="button" onClick={() => setState({ viewing: 'IMG_2' })}>
        Next
      </button>
      <input aria-label="Comment" onChange={() => type()} />
      <Avatars
        room={room}
        nameOf={nameOf}
        max={3}
        doing={({ state }) => state && `looks at ${state.viewing}`}
      />
      <TypingIndicator room={room} nameOf={nameOf} />
    </>
  );
}

function Switch(): ReactElement {
  const [page, setPage] = useState(0);
  return (
    <>
      <button type="button" onClick={() => setPage(page + 1)}>
        Turn
      </button>
      {page < 2 ? <Shoot key={page} /> : null}
    </>
  );
}

function Pictures(): ReactElement {
  return <Avatars room={useRoom('wedding')} imageOf={(userId) => `/${userId}.jpg`} />;
}

function Both(): ReactElement {
  const [hides, setHides] = useState(false);
  const known = useOnline(['otto', 'zoe']);
  return (
    <>
      <p>{known.map((each) => `${each?.online}`).join()}</p>
      {!hides && <OnlineDot user="ada" />}
      <button type="button" onClick={() => setHides(true)}>
        Hide
      </button>
    </>
  );
}

// What is left behind is left a moment later: what comes next may want it.
afterEach(async () => {
  cleanup();
  await pass(1_000);
});

describe('useRoom', () => {
  it('is in the room while it is mounted, once in StrictMode too', async () => {
    const { unmount } = await show(<Shoot />);
    await joined();
    await pass(1_000);
    expect(server.last.of('JOIN').length).toBe(1);
    expect(server.last.of('LEAVE')).toEqual([]);
    expect(screen.getByText('joined, IMG_1')).toBeTruthy();
    unmount();
    await pass(1_000);

    expect(server.last.closedByClient).toBe(1000);
  });

  it('leaves with the last component, and stays for one that comes at once', async () => {
    await show(<Switch />);
    await joined();
    fireEvent.click(screen.getByRole('button', { name: 'Turn' }));
    await pass(1_000);
    expect(server.last.of('LEAVE')).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Turn' }));
    await pass(1_000);

    expect(server.last.of('LEAVE').length).toBe(1);
    expect(server.last.of('JOIN').length).toBe(1);
  });

  it('says why nobody is let in', async () => {
    await show(<Shoot />);
    const ref = server.last.of('JOIN').at(-1)?.ref;
    await act(async () => server.last.emit('ERROR', { ref, code: 'forbidden', message: 'no' }));

    expect(screen.getByText('forbidden')).toBeTruthy();
  });
});

describe('useMyState', () => {
  it('begins with what is initial, and tells what changes', async () => {
    await show(<Shoot />);
    expect(server.last.of('JOIN')).toMatchObject([{ state: { viewing: 'IMG_1' } }]);
    await joined();
    fireEvent.click(screen.getByRole('button', { name: 'Next' }));
    await pass(200);

    expect(screen.getByText('joined, IMG_2')).toBeTruthy();
    expect(server.last.of('STATE')).toMatchObject([{ state: { viewing: 'IMG_2' } }]);
  });
});

describe('Avatars', () => {
  it('are the members, named for everybody, with what they do', async () => {
    await show(<Shoot />);
    await joined();
    await presence({
      count: 2,
      members: [member('maya', 1), member('otto', 2, 2, { viewing: 'IMG_7' })],
    });
    const list = screen.getByRole('list', { name: 'In this room' });

    expect([...list.children].map((each) => each.getAttribute('title'))).toEqual([
      'Maya Peeters (you)',
      'Otto, looks at IMG_7, 2 devices',
    ]);
    expect([...list.children].map((each) => each.firstElementChild?.textContent)).toEqual([
      'MP',
      'O',
    ]);
    expect(await violations()).toEqual([]);
  });

  it('that are too many are counted, as those of a large room are', async () => {
    await show(<Shoot />);
    await joined();
    const members = ['maya', 'otto', 'zoe', 'ada'].map((each, at) => member(each, at));
    await presence({ count: 4, members });
    expect(screen.getByText('1 more')).toBeTruthy();
    await presence({ count: 300, partial: true, neighbours: [member('otto')] });

    expect(screen.getByText('299 more')).toBeTruthy();
  });

  it('show pictures where there are some', async () => {
    await show(<Pictures />);
    await joined();
    await presence({ count: 1, members: [member('otto')] });

    expect(document.querySelector('img')?.getAttribute('src')).toBe('/otto.jpg');
    expect(await violations()).toEqual([]);
  });
});

describe('TypingIndicator', () => {
  const said = () => screen.getByRole('status').textContent;

  it('says who is typing, and ends with it', async () => {
    await show(<Shoot />);
    await joined();
    expect(said()).toBe('');
    await typing('otto');
    expect(said()).toBe('Otto is typing');
    await typing('zoe');
    expect(said()).toBe('Otto and Zoe are typing');
    await pass(6_000);

    expect(said()).toBe('');
  });

  it('of others is told at the first key', async () => {
    await show(<Shoot />);
    await joined();
    const input = screen.getByLabelText('Comment');
    for (const value of ['a', 'ab', 'abc']) fireEvent.change(input, { target: { value } });

    expect(server.last.of('TYPING').length).toBe(1);
    await pass(10_000);
  });

  it.each([
    [[], ''],
    [['Otto'], 'Otto'],
    [['Otto', 'Zoe', 'Ada'], 'Otto, Zoe and Ada'],
    [['Otto', 'Zoe', 'Ada', 'Max', 'Eva'], 'Otto, Zoe and 3 others'],
  ])('lists %j', (names, text) => {
    expect(listOf(names)).toBe(text);
  });
});

describe('OnlineDot', () => {
  const status = (online: boolean, n: number, lastSeen = 0) => ({
    users: [{ userId: 'otto', online, lastSeen, generation: [1, n] }],
  });

  it('is known, filled, or a ring with when the user was last seen', async () => {
    await show(<OnlineDot user="otto" nameOf={nameOf} showLabel />);
    expect(screen.getByText('Otto: not known')).toBeTruthy();
    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: ['otto'] });
    await act(async () => server.last.emit('STATUS', status(true, 1)));
    expect(screen.getByText('Otto: online')).toBeTruthy();
    await act(async () => server.last.emit('STATUS', status(false, 2, NOW - 300_000)));

    expect(screen.getByText('Otto: last seen 5 min ago')).toBeTruthy();
    expect(document.querySelector('.kull-online')?.getAttribute('data-state')).toBe('offline');
    expect(await violations()).toEqual([]);
  });

  it('watches while it is mounted, for all components together', async () => {
    await show(<Both />);
    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: ['ada', 'otto', 'zoe'] });
    const ref = server.last.of('WATCH').at(-1)?.ref;
    await act(async () => server.last.emit('STATUS', { ...status(true, 1), ref }));
    expect(screen.getByText('true,undefined')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Hide' }));
    await pass();

    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: ['otto', 'zoe'] });
  });
});

describe('on a server', () => {
  it('rooms are empty, and nothing is asked', () => {
    const html = renderToString(
      <SyncProvider token="maya" WebSocket={server.WebSocket}>
        <Avatars room={null} />
        <TypingIndicator room={null} />
      </SyncProvider>,
    );

    expect(html).toContain('aria-label="In this room"');
    expect(server.peers).toEqual([]);
  });
});
