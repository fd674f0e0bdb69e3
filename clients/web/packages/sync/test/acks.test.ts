import { describe, expect, it } from 'vitest';
import { LazyAcks } from '../src/acks.ts';

function filled(events: number, { window = 64 } = {}): LazyAcks {
  const acks = new LazyAcks();
  acks.opened(window, 1_000);
  for (let seq = 1; seq <= events; seq++) acks.add('user', seq, 100);
  return acks;
}

describe('acknowledgements', () => {
  it.each([
    [64, 32],
    [8, 4],
    [2, 1],
    [1, 1],
    [300, 150],
  ])('with a window of %i are urgent after %i events', (window, events) => {
    expect(filled(events - 1, { window }).isUrgent).toBe(false);
    expect(filled(events, { window }).isUrgent).toBe(true);
  });

  it('of large messages are urgent sooner: the window has a limit of bytes as well', () => {
    const acks = filled(1);
    acks.add('user', 2, 32_600);
    expect(acks.isUrgent).toBe(false);
    acks.add('user', 3, 100);
    expect(acks.isUrgent).toBe(true);
    acks.take();
    expect(acks.isUrgent).toBe(false);
  });

  it('are cumulative, one per queue', () => {
    const acks = filled(5);
    acks.add('all', 7, 100);
    acks.add('user', 2, 100);

    expect(Object.fromEntries(acks.take())).toEqual({ user: 5, all: 7 });
    expect(acks.events).toBe(0);
    expect(acks.take().size).toBe(0);
  });

  it('owed to an old connection are not sent on a new one', () => {
    const acks = filled(5);
    acks.opened(64, 1_000);

    expect(acks.events).toBe(0);
  });
});
