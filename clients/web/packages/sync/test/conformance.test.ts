/** The client does what conformance/ asks of every client. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { vectors, World } from './vectors.ts';

let world: World;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});

afterEach(async () => {
  await world.end();
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

describe.each(vectors())('%s', (_, vector) => {
  it(vector.name, async () => {
    world = new World(vector);
    await world.play();
  });
});
