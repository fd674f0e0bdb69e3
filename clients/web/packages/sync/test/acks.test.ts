import { describe, expect, it } from 'vitest';
import { LazyAcks, MAX_DELAY } from '../src/acks.ts';

function filled(frames: number, { window = 64 } = {}): LazyAcks {
  const acks = new LazyAcks();
  acks.opened(window);
  for (let seq = 1; seq <= frames; seq++) acks.add('user', seq, 1000 + seq);
  return acks;
}

describe('acknowledgements', () => {
  it('of a single event are sent after the delay', () => {
    expect(filled(1).at).toBe(1001 + MAX_DELAY);
  });

  it('are not put off by further events', () => {
    expect(filled(15).at).toBe(1001 + MAX_DELAY);
  });

  it.each([
    [64, 16],
    [8, 4],
    [2, 1],
    [1, 1],
    [1000, 16],
  ])('with a window of %i are sent at once after %i events', (window, frames) => {
    expect(filled(frames, { window }).at).toBe(1000 + frames);
  });

  it('are cumulative, one per queue', () => {
    const acks = filled(5);
    acks.add('all', 7, 1100);
    acks.add('user', 2, 1100);

    expect(Object.fromEntries(acks.take())).toEqual({ user: 5, all: 7 });
    expect(acks.at).toBeUndefined();
    expect(acks.take().size).toBe(0);
  });

  it('owed to an old connection are not sent on a new one', () => {
    const acks = filled(5);
    acks.opened(64);

    expect(acks.at).toBeUndefined();
  });
});
