import type { ReactElement } from 'react';

const [WIDTH, HEIGHT] = [160, 36];

/** The last minutes of one figure. */
export function Sparkline({ values, label }: { values: number[]; label: string }): ReactElement {
  const most = Math.max(...values, 1e-9);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const places = values.map(
    (value, index) =>
      `${(index * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`,
  );
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.length > 1 && (
        <>
          <polygon points={`0,${HEIGHT} ${places.join(' ')} ${WIDTH},${HEIGHT}`} />
          <polyline points={places.join(' ')} />
        </>
      )}
    </svg>
  );
}
