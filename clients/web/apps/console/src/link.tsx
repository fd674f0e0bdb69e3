import type { MouseEvent, ReactElement, ReactNode } from 'react';
import { go } from './router.ts';

/** A link within the console; the browser's ways of opening it elsewhere work. */
export function Link(props: { to: string; children: ReactNode; current?: boolean }): ReactElement {
  const { to, children, current = false } = props;
  const open = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={open} {...(current && { 'aria-current': 'page' as const })}>
      {children}
    </a>
  );
}
