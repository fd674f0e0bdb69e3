import { SyncIndicator } from '@kull/sync-react';
import type { ReactElement, ReactNode } from 'react';
import { Link } from './link.tsx';

const ADDRESSES = {
  Shoots: '/',
  Together: '/together',
  Prompts: '/prompts',
  Settings: '/settings',
};

export function Header(props: {
  pages: readonly (keyof typeof ADDRESSES)[];
  onSignIn?: () => void;
  children: ReactNode;
}): ReactElement {
  const { pages, onSignIn, children } = props;
  return (
    <header>
      <span className="logo">Kull</span>
      {pages.length > 0 && (
        <nav aria-label="Pages">
          {pages.map((name) => (
            <Link nav to={ADDRESSES[name]} key={name}>
              {name}
            </Link>
          ))}
        </nav>
      )}
      {children}
      <SyncIndicator {...(onSignIn && { onSignIn })} />
    </header>
  );
}
