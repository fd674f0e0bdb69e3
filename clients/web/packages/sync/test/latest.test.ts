import type { ShootProgress, SyncEvent } from '@kull/sync';
import { describe, expect, it } from 'vitest';
import { Latest } from '../src/latest.ts';
import { recoveryLost } from '../src/messages.ts';

function tick(processedCount: number, timestamp: number, fields: Partial<ShootProgress> = {}) {
  const data = {
    shootId: 's',
    status: 'processing',
    processedCount,
    totalCount: 10,
    provider: 'p',
  };
  return event('SHOOT_PROGRESS', { ...data, ...fields }, timestamp);
}

function event(type: string, data: object, timestamp = 0): SyncEvent {
  const rest = { id: 'x', queue: 'user', deviceId: 'server', userId: 'maya' };
  return { type, data, timestamp, ...rest } as SyncEvent;
}

describe('the progress of a shoot', () => {
  it('is the newest that came', () => {
    const latest = new Latest();
    latest.note(tick(1, 100));
    latest.note(tick(2, 200));

    expect(latest.shoot('s')?.processedCount).toBe(2);
  });

  it('starts again when the shoot is processed anew', () => {
    const latest = new Latest();
    latest.note(tick(10, 200, { status: 'completed' }));
    latest.note(tick(0, 300, { status: 'queued' }));

    expect(latest.shoot('s')?.status).toBe('queued');
  });

  it('is forgotten after a loss, unless the shoot was finished', () => {
    const latest = new Latest();
    latest.note(tick(10, 100, { status: 'completed' }));
    latest.note(tick(5, 200, { shootId: 't' }));
    latest.note(recoveryLost('user', 9, 'maya'));

    expect(latest.shoots.map((each) => each.shootId)).toEqual(['s']);
  });

  it('is kept of the 200 shoots with the newest news', () => {
    const latest = new Latest();
    latest.note(tick(1, 1, { shootId: 'running' }));
    for (let n = 0; n < 300; n++) {
      if (n % 100 === 0) latest.note(tick(n, 2 + n, { shootId: 'running' }));
      latest.note(tick(10, 2 + n, { shootId: `done-${n}`, status: 'completed' }));
    }

    expect(latest.shoots.length).toBe(200);
    expect(latest.shoot('running')).toBeDefined();
    expect(latest.shoot('done-100')).toBeUndefined();
    expect(latest.shoots[0]?.shootId).toBe('done-299');
  });

  it('survives being stored', () => {
    const latest = new Latest();
    latest.note(tick(3, 100));
    latest.note(event('CREDIT_UPDATE', { newBalance: 7 }, 50));

    const restored = new Latest(structuredClone(latest.snapshot));

    expect(restored.shoot('s')?.processedCount).toBe(3);
    expect(restored.credits?.newBalance).toBe(7);
  });
});
