/** The SDK in Node on a real mesh. */

import { type SocketClass, SyncClient, type SyncEvent, type SyncOptions } from '@kull/sync';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Kull } from './kull.ts';

const WAIT = { timeout: 20_000, interval: 20 };
let kull: Kull;
const clients: SyncClient[] = [];

beforeAll(async () => {
  kull = await new Kull().start('--edges', '2');
}, 60_000);
afterAll(() => kull.stop());
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

function open(options: Partial<SyncOptions> = {}) {
  const client = new SyncClient({
    ...{ url: kull.edges, token: 'maya:node', WebSocket: WebSocket as unknown as SocketClass },
    ...options,
  });
  clients.push(client);
  const events: SyncEvent[] = [];
  client.on('event', (event) => events.push(event));
  client.connect();
  const credits = () =>
    events.flatMap((event) => (event.type === 'CREDIT_UPDATE' ? [event.data.newBalance] : []));
  return { client, events, credits };
}

const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), WAIT);
const connected = ({ client }: { client: SyncClient }) =>
  until(() => client.state.name === 'connected');

describe('a device', () => {
  it('gets its own events only, in order', async () => {
    const [maya, otto] = [open({ token: 'maya:a' }), open({ token: 'otto:a' })];
    await Promise.all([connected(maya), connected(otto)]);
    for (let n = 1; n <= 100; n++) await kull.credit('maya', n);
    await kull.credit('otto', 7);

    await until(() => otto.credits().length === 1 && maya.credits().length === 100);
    expect(maya.credits()).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(otto.credits()).toEqual([7]);
  });

  it('that was away gets the newest tick and every credit, once', async () => {
    const [first, witness] = [open({ token: 'lena:a' }), open({ token: 'lena:b' })];
    await Promise.all([connected(first), connected(witness)]);
    await kull.credit('lena', 1);
    await until(() => first.credits().length === 1);
    const { position } = first.client;
    first.client.disconnect();
    for (let n = 1; n <= 50; n++) await kull.progress('lena', { processedCount: n });
    for (const balance of [2, 3, 4]) await kull.credit('lena', balance);
    await until(() => witness.credits().length === 4); // all of it is stored by now

    const saved = { ...position, userId: 'lena', snapshot: { shoots: [] } };
    const store = { load: async () => saved, save: async () => {}, remove: async () => {} };
    const again = open({ token: 'lena:a', store });
    await until(() => again.credits().length === 3);

    expect(again.credits()).toEqual([2, 3, 4]);
    expect(again.client.shoot('s')?.processedCount).toBe(50);
    const ticks = again.events.filter((event) => event.type === 'SHOOT_PROGRESS');
    expect(ticks.length).toBe(1);
  });

  it("sees the user's other devices, and shows them its progress", async () => {
    const [phone, mac] = [open({ token: 'nora:phone' }), open({ token: 'nora:mac' })];
    await Promise.all([connected(phone), connected(mac)]);
    await until(() => phone.client.devices.length === 2);

    const progress = {
      shootId: 'p',
      status: 'processing',
      processedCount: 4,
      totalCount: 9,
    } as const;
    const id = await phone.client.updateProgress({ ...progress, provider: 'Local' });
    await until(() => mac.events.some((event) => event.id === id));

    expect(mac.client.shoot('p')).toMatchObject(progress);
    await expect(
      phone.client.updateProgress({ ...progress, processedCount: 10, provider: 'Local' }),
    ).rejects.toThrow(/processedCount/);
  });

  it('is replaced by a newer connection of itself, and does not fight it', async () => {
    const older = open({ token: 'paul:mac' });
    await connected(older);
    const newer = open({ token: 'paul:mac' });
    await until(() => older.client.state.name === 'failed');

    expect(older.client.state).toMatchObject({ code: 4503, action: 'retry' });
    await connected(newer);
  });

  it('keeps its connection beyond the life of its token', async () => {
    const tokens: string[] = [];
    const token = () => {
      const exp = Math.floor(Date.now() / 1000) + 8;
      const made = kull.token({ sub: 'tina', exp });
      tokens.push(made);
      return made;
    };
    const { client, credits } = open({ user: 'tina', token });
    const states: string[] = [];
    client.on('state', ({ name }) => states.push(name));
    await connected({ client });
    await until(() => tokens.length === 3); // the second one is about to expire
    await kull.credit('tina', 1);
    await until(() => credits().length === 1);

    expect(states).toEqual(['connected']);
  });

  it('with a forged token is told so, once', async () => {
    const { client } = open({ token: 'a.forged.token' });
    await until(() => client.state.name === 'failed');

    expect(client.state).toMatchObject({ code: 4500, action: 'sign-in', attempt: 0 });
  });
});

describe('a mesh that is killed', () => {
  it('is found again, and nothing is lost', async () => {
    const device = open({ token: 'rosa:a', random: () => 0.1 });
    await connected(device);
    await kull.credit('rosa', 1);
    await until(() => device.credits().length === 1);
    await kull.kill();
    await until(() => device.client.state.name === 'reconnecting');
    await kull.start('--edges', '2');
    await kull.credit('rosa', 2);

    await until(() => device.credits().length === 2);
    expect(device.credits()).toEqual([1, 2]);
  });
});
