import { describe, expect, it } from 'vitest';
import { Reconnecting, STABLE_AFTER } from '../src/reconnect.ts';

describe('the pause before an attempt', () => {
  it.each([
    [1, 2_000],
    [2, 4_000],
    [4, 16_000],
    [5, 30_000],
    [60, 30_000],
  ])('after %i failures is between 0 and %i ms', (attempt, most) => {
    for (const share of [0, 0.25, 1]) {
      const reconnecting = new Reconnecting(Number.POSITIVE_INFINITY, () => share);
      reconnecting.attempts = attempt - 1;
      expect(reconnecting.after({ lasted: 0 })).toBe(share * most);
    }
  });
});

describe('giving up', () => {
  it('happens with the failure that reaches the limit', () => {
    const reconnecting = new Reconnecting(3, () => 1);

    expect(reconnecting.after({ lasted: 0 })).toBe(2_000);
    expect(reconnecting.after({ lasted: 0 })).toBe(4_000);
    expect(reconnecting.after({ lasted: 0 })).toBeUndefined();
  });

  it('counts from the last connection that was stable', () => {
    const reconnecting = new Reconnecting(3, () => 1);
    reconnecting.after({ lasted: 0 });
    reconnecting.after({ lasted: STABLE_AFTER - 1 });
    expect(reconnecting.attempts).toBe(2);

    expect(reconnecting.after({ lasted: STABLE_AFTER })).toBe(1_000);
    expect(reconnecting.attempts).toBe(0);
  });

  it('never happens with a limit of Infinity', () => {
    const reconnecting = new Reconnecting(Number.POSITIVE_INFINITY, () => 1);

    for (let n = 0; n < 100; n++) expect(reconnecting.after({ lasted: 0 })).toBeLessThan(30_001);
  });

  it('does not count what fails while there is no network', () => {
    const reconnecting = new Reconnecting(2, () => 0);

    for (let n = 0; n < 10; n++) {
      expect(reconnecting.after({ lasted: 0, offline: true })).toBe(15_000);
    }
  });
});

describe('a server that leaves', () => {
  it('is left when it says, without a further pause', () => {
    expect(new Reconnecting(10, () => 1).after({ lasted: 0, asked: 250 })).toBe(250);
  });

  it('cannot make a client that fails again and again hurry', () => {
    const reconnecting = new Reconnecting(10, () => 1);
    reconnecting.after({ lasted: 0 });

    expect(reconnecting.after({ lasted: 0, asked: 250 })).toBe(4_000);
  });
});
