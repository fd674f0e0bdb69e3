/** Who is in a room, as a row of initials. */

import type { Member, Room } from '@kull/sync/rooms';
import type { CSSProperties, ReactElement } from 'react';
import { useMemberCount, useMembers } from './hooks.ts';
import { type NameOf, plainName } from './names.ts';

export interface AvatarsProps {
  /** Of `useRoom`. */
  room: Room | null;
  /** How many to show; the others are counted. 5 if absent. */
  max?: number;
  /** What a user is called; its id if absent. */
  nameOf?: NameOf;
  /** Where a user's picture is; without one there are initials. */
  imageOf?: (userId: string) => string | undefined;
  /** What a member is doing, e.g. `looks at IMG_0012`; it is said after its name. */
  doing?: (member: Member) => string | undefined;
  /** What the row is called; `In this room` if absent. */
  label?: string;
  className?: string;
}

export function Avatars(props: AvatarsProps): ReactElement {
  const { room, max = 5, nameOf = plainName, imageOf, doing } = props;
  const { label = 'In this room', className = '' } = props;
  const members = useMembers(room);
  const count = useMemberCount(room);
  const shown = members.slice(0, max);
  const more = count - shown.length;
  return (
    <ul className={`kull-avatars ${className}`} aria-label={label}>
      {shown.map((member) => (
        <Avatar
          key={member.userId}
          member={member}
          name={nameOf(member.userId)}
          isOwn={member.userId === room?.self?.userId}
          image={imageOf?.(member.userId)}
          doing={doing?.(member)}
        />
      ))}
      {more > 0 && (
        <li className="kull-avatar kull-avatar-more">
          <span aria-hidden="true">+{more}</span>
          <span className="kull-visually-hidden">{more} more</span>
        </li>
      )}
    </ul>
  );
}

function Avatar(props: {
  member: Member;
  name: string;
  isOwn: boolean;
  image: string | undefined;
  doing: string | undefined;
}): ReactElement {
  const { member, name, isOwn, image, doing } = props;
  const { length } = member.devices;
  const text = [
    isOwn ? `${name} (you)` : name,
    ...(doing ? [doing] : []),
    ...(length > 1 ? [`${length} devices`] : []),
  ].join(', ');
  const style = { '--kull-hue': hueOf(member.userId) } as CSSProperties;
  return (
    <li className="kull-avatar" style={style} title={text} data-user={member.userId}>
      {image ? <img src={image} alt="" /> : <span aria-hidden="true">{initialsOf(name)}</span>}
      <span className="kull-visually-hidden">{text}</span>
    </li>
  );
}

/** At most two letters. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._@-]+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...(word as string)][0]?.toUpperCase()).join('') || '?';
}

/** The same colour for a user everywhere; degrees. */
function hueOf(userId: string): number {
  let hash = 0;
  for (const char of userId) hash = Math.imul(hash, 31) + (char.codePointAt(0) as number);
  return (Math.abs(hash) * 137) % 360; // ids that differ little have colours that differ
}
