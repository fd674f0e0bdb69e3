import { BadMessage, type Position } from '@kull/sync';
import { describe, expect, it } from 'vitest';
import { type Delivery, Session } from '../src/session.ts';

type Json = Record<string, unknown>;

const NOWHERE: Position = { epoch: '', after: {} };

const text = (type: string, data: Json = {}, fields: Json = {}) =>
  JSON.stringify({ type, data, ...fields });

const stored = (seq: number, fields: Json = {}) =>
  text('CREDIT_UPDATE', { newBalance: seq }, { id: `id-${seq}`, seq, ...fields });

function welcome(fields: Json = {}, queue: Json = {}): string {
  return text('WELCOME', {
    ...{ userId: 'maya', deviceId: 'mac', sessionId: 'edge-1/1', epoch: 'e1', window: 64 },
    queue: { queue: 'user', head: 0, after: 0, recovered: true, ...queue },
    devices: [],
    ...fields,
  });
}

const joined = (head: number, after = 0) =>
  text('JOINED', { queue: 'all', head, after, recovered: true });

function opened(position: Position = NOWHERE, fields: Json = {}, queue: Json = {}): Session {
  const session = new Session(position);
  session.received(welcome(fields, queue));
  return session;
}

function deliveries(session: Session, ...texts: string[]): Delivery[] {
  return texts.flatMap((each) => session.received(each)).filter((each) => each.kind === 'delivery');
}

const seqs = (found: Delivery[]) => found.map(({ event }) => event.seq);
const types = (found: Delivery[]) => found.map(({ event }) => event.type);
const acked = (session: Session) => Object.fromEntries(session.acks.take());

function process(session: Session, ...texts: string[]): Delivery[] {
  const found = deliveries(session, ...texts);
  for (const each of found) session.processed(each);
  return found;
}

describe('an event', () => {
  it('has the fields of its message', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const known = { timestamp: 17, deviceId: 'phone', userId: 'maya', sender: 'otto', traceparent };
    const fields = { queue: 'all', ...known, new: 1 };

    expect(deliveries(opened(), stored(3, fields))[0]?.event).toEqual({
      ...{ type: 'CREDIT_UPDATE', data: { newBalance: 3 }, seq: 3, queue: 'all', id: 'id-3' },
      ...known,
    });
  });

  it('that was received is not processed', () => {
    const session = opened();
    deliveries(session, stored(1), stored(2));

    expect(session.position).toEqual({ epoch: 'e1', after: {} });
    expect(acked(session)).toEqual({});
  });

  it('that was processed is the position, and will be acknowledged', () => {
    const session = opened();
    process(session, stored(1), stored(4));

    expect(session.position).toEqual({ epoch: 'e1', after: { user: 4 } });
    expect(acked(session)).toEqual({ user: 4 });
  });

  it('of another queue counts apart', () => {
    const session = opened();
    session.received(joined(9, 9));
    process(session, stored(1), stored(10, { queue: 'all' }));

    expect(session.position.after).toEqual({ user: 1, all: 10 });
  });
});

describe('a repeat', () => {
  it('is dropped', () => {
    expect(seqs(deliveries(opened(), stored(1), stored(2), stored(1)))).toEqual([1, 2]);
  });

  it('of something processed is acknowledged again', () => {
    const session = opened();
    process(session, stored(1), stored(2));
    session.received(welcome({}, { head: 2 }));

    expect(deliveries(session, stored(1), stored(2))).toEqual([]);
    expect(acked(session)).toEqual({ user: 2 });
  });

  it('of something that still waits is not acknowledged', () => {
    const session = opened();
    const [waiting] = deliveries(session, stored(1)) as [Delivery];
    session.received(welcome());

    expect(deliveries(session, stored(1))).toEqual([]);
    expect(acked(session)).toEqual({});
    session.processed(waiting);
    expect(acked(session)).toEqual({ user: 1 });
  });
});

describe('a loss', () => {
  it.each([
    ['WELCOME', welcome({}, { recovered: false, head: 20 })],
    ['JOINED', text('JOINED', { queue: 'user', head: 20, after: 0, recovered: false })],
    ['RECOVERY_LOST', text('RECOVERY_LOST', { queue: 'user', head: 20 })],
  ])('told by %s comes in order, and the queue starts over', (_, message) => {
    const session = opened();
    process(session, stored(7));

    const found = deliveries(session, message, stored(3), stored(21));

    expect(types(found)).toEqual(['RECOVERY_LOST', 'CREDIT_UPDATE', 'CREDIT_UPDATE']);
    expect(found[0]?.event.data).toEqual({ queue: 'user', head: 20 });
    expect(seqs(found)).toEqual([undefined, 3, 21]);
  });

  it('on a living connection leaves what came before to be acknowledged', () => {
    const session = opened();
    const [before] = deliveries(session, stored(15)) as [Delivery];
    session.received(text('RECOVERY_LOST', { queue: 'user', head: 20 }));
    session.processed(before);

    expect(acked(session)).toEqual({ user: 15 });
    expect(session.position.after).toEqual({});
  });

  it('on a new connection makes what came before move nothing', () => {
    const session = opened();
    const [before] = deliveries(session, stored(15)) as [Delivery];
    session.received(welcome({}, { recovered: false, head: 20 }));
    session.processed(before);

    expect(acked(session)).toEqual({});
    expect(session.position.after).toEqual({});
  });

  it('is every change of the epoch', () => {
    const session = opened();
    process(session, stored(7), stored(9, { queue: 'all' }));
    session.received(welcome({ epoch: 'e2' }, { recovered: false }));

    expect(session.position).toEqual({ epoch: 'e2', after: {} });
    expect(seqs(deliveries(session, stored(1), stored(1, { queue: 'all' })))).toEqual([1, 1]);
  });

  it('is told to a device that comes back under another id without a position', () => {
    const session = opened(undefined, { deviceId: 'web-1' }, { head: 1 });
    session.received(joined(4));

    const found = deliveries(session, welcome({ deviceId: 'web-2' }, { head: 3 }), joined(6));

    expect(found.map(({ event }) => event.data)).toEqual([
      { queue: 'user', head: 3 },
      { queue: 'all', head: 6 },
    ]);
  });

  it('is not told under another id if the server knows the position, or nothing happened', () => {
    const session = opened(undefined, { deviceId: 'web-1' }, { head: 1 });
    process(session, stored(2));
    const again = welcome({ deviceId: 'web-2' }, { after: 2, head: 3 });
    expect(types(deliveries(session, again))).toEqual([]);

    const quiet = opened(undefined, { deviceId: 'web-1' }, { head: 2 });
    expect(deliveries(quiet, welcome({ deviceId: 'web-2' }, { head: 2 }))).toEqual([]);
  });
});

describe('a position of an earlier page load', () => {
  it('is gone on from', () => {
    const position = { epoch: 'e1', after: { user: 5 } };
    const session = opened(position, {}, { after: 5, head: 6 });

    expect(seqs(deliveries(session, stored(5), stored(6)))).toEqual([6]);
  });

  it('shows how much is to be caught up with', () => {
    const position = { epoch: 'e1', after: { user: 5 } };
    const session = opened(position, {}, { after: 5, head: 9 });
    expect(session.catchingUp).toEqual({ done: 0, total: 4 });

    process(session, stored(7));
    expect(session.catchingUp).toEqual({ done: 2, total: 4 });
    process(session, stored(9), stored(10));
    expect(session.catchingUp).toEqual({ done: 4, total: 4 });
  });
});

describe('devices', () => {
  const presence = (kind: string, seq: number, generation: number[]) =>
    text(
      `DEVICE_${kind}`,
      { deviceId: 'tab', platform: 'web', generation },
      { id: `p${seq}`, seq },
    );

  it('come and go', () => {
    const session = opened(undefined, { devices: [{ deviceId: 'mac' }] });
    const ids = () => session.devices.map((device) => device.deviceId);

    deliveries(session, presence('CONNECTED', 1, [1, 5]));
    expect(ids()).toEqual(['mac', 'tab']);
    deliveries(session, presence('DISCONNECTED', 2, [1, 5]));
    expect(ids()).toEqual(['mac']);
  });

  it('are not removed by late news of an earlier session', () => {
    const session = opened();
    deliveries(session, presence('CONNECTED', 1, [1, 6]), presence('DISCONNECTED', 2, [1, 5]));

    expect(session.devices.length).toBe(1);
  });
});

describe('messages', () => {
  it.each([
    ['CONFETTI', { colour: 'blue' }],
    ['ACCEPTED', { ref: '1', id: 'x' }],
    ['RECONNECT', { after: 1500 }],
  ])('that are not about the queues are handed on: %s', (type, data) => {
    const said = { type, data };

    expect(opened().received(text(type, data))).toEqual([{ kind: 'message', said }]);
  });

  it('about a room that is not followed any more make it forgotten', () => {
    const session = opened();
    session.received(text('JOINED', { queue: 'room:w', head: 3, after: 0, recovered: true }));
    session.received(text('STALE', { queue: 'room:w', since: 5 }));
    process(session, stored(1), stored(4, { queue: 'room:w' }));
    const data = { queue: 'room:w', reason: 'not granted any more' };

    expect(session.received(text('LEFT', data))).toEqual([
      { kind: 'message', said: { type: 'LEFT', data } },
    ]);
    expect(session.position.after).toEqual({ user: 1 });
    expect(session.staleSince).toBeUndefined();
    expect(acked(session)).toEqual({ user: 1 });
  });

  it.each([
    ['{', 'not JSON'],
    ['[]', 'without a type'],
    ['{"data":{}}', 'without a type'],
    ['{"type":"CREDIT_UPDATE","data":[],"id":"1"}', 'data must be an object'],
    ['{"type":"CREDIT_UPDATE","data":{},"id":"1","seq":"7"}', 'seq must be an integer'],
    ['{"type":"CREDIT_UPDATE","data":{},"id":1}', 'id must be a text'],
    ['{"type":"WELCOME","data":{"epoch":"e"}}', 'queue must be an object'],
    ['{"type":"WELCOME","data":{"queue":{"queue":"user"}}}', 'head must be an integer'],
    [new Uint8Array(), 'binary'],
  ])('that are not the protocol are told: %s', (message, why) => {
    expect(() => new Session(NOWHERE).received(message)).toThrow(BadMessage);
    expect(() => new Session(NOWHERE).received(message)).toThrow(why);
  });
});

describe('every entry', () => {
  it('reaches the application once and in order, however often the connection is lost', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let run = 0; run < 200; run++) {
      const session = opened();
      const waiting: Delivery[] = [];
      const seen: (number | undefined)[] = [];
      let head = 0;
      const step = (what: number) => {
        if (what === 0) session.received(welcome({}, { after: from(), head }));
        // The server goes on from the position, and so repeats what was received only.
        const start = what === 0 ? from() : head;
        if (what === 1) head += 1 + random(4);
        for (let seq = start + 1; seq <= head; seq++) {
          waiting.push(...deliveries(session, stored(seq)));
        }
        if (what !== 2) return;
        for (const each of waiting.splice(0, 1 + random(4))) {
          session.processed(each);
          seen.push(each.event.seq);
        }
      };
      const from = () => session.position.after.user ?? 0;
      for (let n = 0; n < 60; n++) step(random(3));
      while (waiting.length > 0) step(2);

      expect(seen).toEqual(Array.from({ length: head }, (_, index) => index + 1));
      expect(from()).toBe(head);
    }
  });
});
