/** Gives a part of the page its connection. */

import { SyncClient, type SyncOptions } from '@kull/sync';
import {
  createContext,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
} from 'react';
import { signOutDevice } from './sign-out.ts';

type SignOut = (deviceId: string) => Promise<void>;

const Context = createContext<SyncClient | null | undefined>(undefined);
const SigningOut = createContext<SignOut | undefined>(undefined);

export interface SyncProviderProps extends Partial<SyncOptions> {
  /** A client that the application owns: it connects and disconnects it itself. */
  client?: SyncClient;
  /** Where a gateway signs devices out; `/api/sync/devices` of this page's server if absent. */
  devicesUrl?: string;
  children?: ReactNode;
}

/**
 * Connects while it is mounted. Another `user`, `url` or token text is another connection; a new
 * token function is not. Throws if neither `client` nor `token` is given.
 */
export function SyncProvider(props: SyncProviderProps): ReactElement {
  const { client, children, devicesUrl, ...options } = props;
  if (client) return <Context.Provider value={client}>{children}</Context.Provider>;
  const { token, user, url } = options;
  if (token === undefined) throw new Error('SyncProvider needs a `token` or a `client`');
  const key = JSON.stringify([user, url, typeof token === 'string' ? token : null]);
  return (
    <Connected key={key} options={{ ...options, token }} devicesUrl={devicesUrl}>
      {children}
    </Connected>
  );
}

function Connected(props: {
  options: SyncOptions;
  devicesUrl: string | undefined;
  children: ReactNode;
}): ReactElement {
  const { options, devicesUrl, children } = props;
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
  const signOut = useCallback(
    (deviceId: string) => signOutDevice(deviceId, { token: newest.current.token, devicesUrl }),
    [devicesUrl],
  );
  return (
    <Context.Provider value={client}>
      <SigningOut.Provider value={signOut}>{children}</SigningOut.Provider>
    </Context.Provider>
  );
}

/** Signs a device of the user out; undefined under a provider that was given a `client`. */
export function useSignOut(): SignOut | undefined {
  return useContext(SigningOut);
}

/** The client of the SyncProvider above; null while rendering on a server. Throws without one. */
export function useSync(): SyncClient | null {
  const client = useContext(Context);
  if (client === undefined) throw new Error('this needs a <SyncProvider> around it');
  return client;
}
