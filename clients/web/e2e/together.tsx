/** A page with a room: who is there, what they look at, who types, and what was said. */

import { createRoot } from 'react-dom/client';
import { SyncIndicator, SyncProvider } from '../packages/sync-react/src/index.ts';
import {
  Avatars,
  OnlineDot,
  TypingIndicator,
  useMembers,
  useMyState,
  useRoom,
  useTyping,
} from '../packages/sync-react/src/rooms/index.ts';
import '../packages/sync-react/src/styles.css';
import { type FormEvent, type ReactElement, useEffect, useState } from 'react';

const PHOTOS = ['IMG_1', 'IMG_2', 'IMG_3'];

function Wedding({ other }: { other: string }): ReactElement {
  const room = useRoom('wedding');
  const members = useMembers(room);
  const [{ viewing }, setState] = useMyState(room, { viewing: 'IMG_1' });
  const { typing } = useTyping(room);
  const [comments, setComments] = useState<string[]>([]);
  const [problem, setProblem] = useState('');
  useEffect(
    () =>
      room?.on('COMMENT', ({ data }) => setComments((before) => [...before, String(data.text)])),
    [room],
  );
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem('comment') as HTMLInputElement;
    room?.send('COMMENT', { text: field.value }).catch((error) => setProblem(String(error)));
    field.value = '';
  };
  return (
    <main>
      <SyncIndicator delay={0} />
      <Avatars room={room} doing={({ state }) => state && `looks at ${state.viewing}`} />
      <p data-testid="count">{members.length}</p>
      <OnlineDot user={other} showLabel />
      {PHOTOS.map((photo) => (
        <button
          key={photo}
          type="button"
          aria-pressed={photo === viewing}
          onClick={() => setState({ viewing: photo })}
        >
          {photo}
        </button>
      ))}
      <form onSubmit={send}>
        <input name="comment" aria-label="Comment" onChange={() => typing()} />
      </form>
      <TypingIndicator room={room} />
      <ul aria-label="Comments">
        {comments.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {problem && <p role="alert">{problem}</p>}
    </main>
  );
}

/** Show the page of a person. */
export function show(url: string[], user: string, token: string, other: string): void {
  createRoot(document.body).render(
    <SyncProvider url={url} user={user} token={token} random={() => 0.1}>
      <Wedding other={other} />
    </SyncProvider>,
  );
}
