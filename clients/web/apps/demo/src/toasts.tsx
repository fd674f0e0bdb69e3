/** Short notices, in a corner. */

import {
  createContext,
  type ReactElement,
  type ReactNode,
  useContext,
  useMemo,
  useState,
} from 'react';
import { role } from './device.ts';

interface Notice {
  id: number;
  title: string;
  text: string;
}

const SHOWN_FOR = 6_000; // ms
const MOST = role === 'phone' ? 2 : 4;
const Context = createContext<(title: string, text: string) => void>(() => {});

export const useToast = () => useContext(Context);

export function Toasts({ children }: { children: ReactNode }): ReactElement {
  const [notices, setNotices] = useState<Notice[]>([]);
  const toast = useMemo(() => {
    let last = 0;
    return (title: string, text: string) => {
      const id = ++last;
      setNotices((now) => [...now, { id, title, text }].slice(-MOST));
      setTimeout(() => setNotices((now) => now.filter((each) => each.id !== id)), SHOWN_FOR);
    };
  }, []);
  return (
    <Context.Provider value={toast}>
      {children}
      <div className="toasts" role="status">
        {notices.map(({ id, title, text }) => (
          <p className="toast" key={id}>
            <strong>{title}</strong> {text}
          </p>
        ))}
      </div>
    </Context.Provider>
  );
}
