/** Gives a part of the page its connection. */

import { SyncClient, type SyncOptions } from '@kull/sync';
import {
  createContext,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
} from 'react';

const Context = createContext<SyncClient | null | undefined>(undefined);

export interface SyncProviderProps extends Partial<SyncOptions> {
  /** A client that the application owns: it connects and disconnects it itself. */
  client?: SyncClient;
  children?: ReactNode;
}

/**
 * Connects while it is mounted. Another `user`, `url` or token text is another connection; a new
 * token function is not. Throws if neither `client` nor `token` is given.
 */
export function SyncProvider({ client, children, ...options }: SyncProviderProps): ReactElement {
  if (client) return <Context.Provider value={client}>{children}</Context.Provider>;
  const { token, user, url } = options;
  if (token === undefined) throw new Error('SyncProvider needs a `token` or a `client`');
  const key = JSON.stringify([user, url, typeof token === 'string' ? token : null]);
  return (
    <Connected key={key} options={{ ...options, token }}>
      {children}
    </Connected>
  );
}

function Connected(props: { options: SyncOptions; children: ReactNode }): ReactElement {
  const { options, children } = props;
  const newest = useRef(options);
  useInsertionEffect(() => {
    newest.current = options;
  });
  const [client] = useState(() => {
    if (typeof window === 'undefined') return null; // rendered on a server
    const token = () => {
      const { token: now } = newest.current;
      return typeof now === 'string' ? now : now();
    };
    return new SyncClient(typeof options.token === 'string' ? options : { ...options, token });
  });
  useEffect(() => {
    client?.connect();
    return () => client?.disconnect();
  }, [client]);
  return <Context.Provider value={client}>{children}</Context.Provider>;
}

/** The client of the SyncProvider above; null while rendering on a server. Throws without one. */
export function useSync(): SyncClient | null {
  const client = useContext(Context);
  if (client === undefined) throw new Error('this needs a <SyncProvider> around it');
  return client;
}
