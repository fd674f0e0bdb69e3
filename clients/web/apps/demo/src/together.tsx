/** Two people at one shoot: who is there, which photograph they look at, and what they say. */

import {
  Avatars,
  OnlineDot,
  TypingIndicator,
  useMembers,
  useMyState,
  useRoom,
  useTyping,
} from '@kull/sync-react/rooms';
import { type FormEvent, type ReactElement, useEffect, useId, useState } from 'react';
import { colleague, nameOf, role, SHOOT } from './device.ts';

const PHOTOS = Array.from({ length: 12 }, (_, at) => `IMG_${String(at + 1).padStart(4, '0')}`);
const HISTORY = 20; // comments that somebody sees who was never here

/** The team's own event type: kull carries it without knowing it. */
const COMMENT = 'COMMENT_ADDED';
interface Comment {
  id: string;
  by: string;
  photo: string;
  text: string;
}

type Room = ReturnType<typeof useRoom>;

export function TogetherPage(): ReactElement {
  const room = useRoom(SHOOT, { history: HISTORY });
  const [{ viewing }, setMyState] = useMyState(room, { viewing: PHOTOS[0] as string });
  return (
    <section aria-labelledby="together">
      <div className="head">
        <h1 id="together">Wedding in Ghent</h1>
        <div className="buttons">
          <OnlineDot user={colleague} nameOf={nameOf} showLabel />
          <Avatars
            room={room}
            nameOf={nameOf}
            label="At this shoot"
            doing={({ state }) => state && `looks at ${state.viewing}`}
          />
        </div>
      </div>
      {room?.error && <p role="alert">{room.error.message}</p>}
      <Photos room={room} viewing={viewing} onView={(photo) => setMyState({ viewing: photo })} />
      <Comments room={room} viewing={viewing} />
    </section>
  );
}

function Photos(props: {
  room: Room;
  viewing: string;
  onView: (photo: string) => void;
}): ReactElement {
  const { room, viewing, onView } = props;
  const others = useMembers(room).filter(({ userId }) => userId !== room?.self?.userId);
  return (
    <ul className="photos" aria-label="Photographs">
      {PHOTOS.map((photo) => {
        const seenBy = others.filter(({ state }) => state?.viewing === photo);
        const names = seenBy.map(({ userId }) => nameOf(userId));
        return (
          <li key={photo}>
            <button
              type="button"
              className="photo"
              aria-pressed={photo === viewing}
              onClick={() => onView(photo)}
            >
              {photo}
              {names.length > 0 && (
                <>
                  <span className="seen" aria-hidden="true">
                    {names.join(', ')}
                  </span>
                  <span className="kull-visually-hidden">
                    {names.map((name) => ` ${name} looks at it`).join()}
                  </span>
                </>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Comments({ room, viewing }: { room: Room; viewing: string }): ReactElement {
  const { typing } = useTyping(room);
  const [comments, setComments] = useState<readonly Comment[]>([]);
  const [problem, setProblem] = useState('');
  const field = useId();
  useEffect(() => {
    return room?.on(COMMENT, ({ id, sender, data }) => {
      const comment = { id, by: sender, photo: String(data.photo), text: String(data.text) };
      setComments((before) => [...before.filter((each) => each.id !== id), comment]);
    });
  }, [room]);

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get('comment')).trim();
    if (!text) return;
    try {
      await room?.send(COMMENT, { photo: viewing, text });
      form.reset();
      setProblem('');
    } catch (error) {
      setProblem(`It was not sent: ${error instanceof Error ? error.message : error}`);
    }
  }

  return (
    <div className="card comments">
      <ul aria-label="Comments">
        {comments.map(({ id, by, photo, text }) => (
          <li key={id}>
            <strong>{nameOf(by)}</strong> <span className="hint">{photo}</span> {text}
          </li>
        ))}
      </ul>
      {comments.length === 0 && <p className="hint">Nobody has said anything yet.</p>}
      <TypingIndicator room={room} nameOf={nameOf} />
      <form onSubmit={send}>
        <label className="kull-visually-hidden" htmlFor={field}>
          Comment on {viewing}
        </label>
        <input
          id={field}
          name="comment"
          autoComplete="off"
          maxLength={200}
          placeholder={`Say something about ${viewing}`}
          onChange={() => typing()}
        />
        <button type="submit" className={role === 'phone' ? '' : 'primary'}>
          Send
        </button>
      </form>
      {problem && (
        <p className="hint" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
