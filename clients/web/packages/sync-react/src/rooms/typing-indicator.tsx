/** Who else is typing in a room. */

import type { Room } from '@kull/sync/rooms';
import type { ReactElement } from 'react';
import { useTyping } from './hooks.ts';
import { listOf, type NameOf, plainName } from './names.ts';

export interface TypingIndicatorProps {
  /** Of `useRoom`. */
  room: Room | null;
  /** What a user is called; its id if absent. */
  nameOf?: NameOf;
  className?: string;
}

/** Keeps its place while nobody types, so that nothing jumps. */
export function TypingIndicator(props: TypingIndicatorProps): ReactElement {
  const { room, nameOf = plainName, className = '' } = props;
  const { typers } = useTyping(room);
  const names = typers.map(nameOf);
  return (
    <p className={`kull-typing ${className}`} role="status">
      {names.length > 0 && (
        <>
          {listOf(names)} {names.length > 1 ? 'are' : 'is'} typing
          <span className="kull-typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
        </>
      )}
    </p>
  );
}
