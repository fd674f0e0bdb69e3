import type { MouseEvent, ReactElement, ReactNode } from 'react';
import { go, usePath } from './router.ts';

/** A link within the demo; the browser's ways of opening it elsewhere work. */
export function Link(props: { to: string; children: ReactNode; nav?: boolean }): ReactElement {
  const { to, children, nav = false } = props;
  const current = usePath() === to;
  const open = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a
      href={to + location.search}
      onClick={open}
      {...(nav && current && { 'aria-current': 'page' as const })}
    >
      {children}
    </a>
  );
}
