/** React hooks and components for rooms: who is there, what they do, and who is online. */

export { Avatars, type AvatarsProps } from './avatars.tsx';
export {
  useMemberCount,
  useMembers,
  useMyState,
  useOnline,
  useRoom,
  useTyping,
} from './hooks.ts';
export type { NameOf } from './names.ts';
export { OnlineDot, type OnlineDotProps } from './online-dot.tsx';
export { TypingIndicator, type TypingIndicatorProps } from './typing-indicator.tsx';
