import { useEffect, useState } from 'react';
import type { CodeRow, Look, Overview, Point } from './api.ts';

const MOST = 400; // points: fifteen minutes

export interface Live {
  overview: Overview | null;
  points: Point[];
  codes: CodeRow[];
  /** Whether the console's server is heard. */
  heard: boolean;
}

/** How things stand, as the server tells it every few seconds. */
export function useLive(lost: () => void): Live {
  const [live, setLive] = useState<Live>({ overview: null, points: [], codes: [], heard: false });
  useEffect(() => {
    const source = new EventSource('/console/api/live');
    source.addEventListener('look', (event) => {
      const look: Look = JSON.parse((event as MessageEvent<string>).data);
      setLive((before) => {
        // A server that was started anew counts from 1 again.
        const first = look.points[0]?.number ?? 0;
        const kept = first ? before.points.filter((each) => each.number < first) : before.points;
        const { overview, codes } = look;
        return { overview, codes, points: [...kept, ...look.points].slice(-MOST), heard: true };
      });
    });
    source.addEventListener('end', lost);
    source.onerror = () => {
      setLive((before) => ({ ...before, heard: false }));
      if (source.readyState === EventSource.CLOSED) lost(); // 401, or too many look on
    };
    return () => source.close();
  }, [lost]);
  return live;
}
