/** The console, as an operator uses it. Needs `npm run build`, for the page. */

import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { violations } from './axe.ts';
import { launch } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Processes } from './processes.ts';

const SHOTS = new URL('../artifacts/', import.meta.url).pathname;
const SIZES = { light: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };
/** A dead letter, as a router buries one. */
const BURY = `
import asyncio, os, sys
import aio_pika

async def main():
    connection = await aio_pika.connect(os.environ["KULL_AMQP_URL"])
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("kull.dead")
        message_id, reason, body = sys.argv[1:]
        headers = {"kull-reason": reason, "kull-exchange": "kull.credit"}
        message = aio_pika.Message(
            body.encode(), message_id=message_id, app_id="billing", type="CREDIT_UPDATE",
            headers=headers, delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, "")

asyncio.run(main())
`;

let mesh: Processes;
let browser: Browser;
let context: BrowserContext;
let keys: Record<string, string>;
let users = 0;

/** A device on a socket of its own, which acknowledges all that it gets. */
class Device {
  readonly #socket: WebSocket;
  readonly events: { type: string; id: string }[] = [];
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (!message.seq) return;
      this.events.push(message);
      socket.send(JSON.stringify({ type: 'ACK', seq: message.seq }));
    });
  }

  static async connect(user: string, device: string, rooms: string[] = []): Promise<Device> {
    const token = await mesh.run(
      ...['token', '--user', user, '--device', device, '--name', `${user}'s Mac`],
      ...['--platform', 'macos', ...rooms.flatMap((room) => ['--room', room])],
    );
    const socket = new WebSocket(mesh.edge, 'kull.sync.v2');
    const made = new Device(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    const welcome = new Promise((resolve) => socket.once('message', resolve));
    socket.send(JSON.stringify({ type: 'HELLO', token }));
    await welcome;
    for (const room of rooms) socket.send(JSON.stringify({ type: 'JOIN', queue: `room:${room}` }));
    return made;
  }

  close(): void {
    this.#socket.close();
  }
}

describe.skipIf(!chromiumPath)('the console', () => {
  let user: string;
  const devices: Device[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    [mesh, browser] = await Promise.all([new Processes().start(), launch()]);
    keys = await mesh.startConsole({ anna: 'console:act', rita: 'console:read' });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await mesh?.stop();
  });
  beforeEach(async () => {
    user = `maya-${++users}`;
    context = await browser.newContext({ viewport: SIZES.light });
  });
  afterEach(async () => {
    for (const each of devices.splice(0)) each.close();
    await context.close();
  });

  async function device(name = 'mac', rooms: string[] = []): Promise<Device> {
    const made = await Device.connect(user, name, rooms);
    devices.push(made);
    return made;
  }

  const credit = (balance: number) =>
    mesh.run(
      ...['send', 'credit-update', '--user', user, '--reason', 'test', '--change', '1'],
      ...['--new-balance', String(balance)],
    );

  async function open(path = '', operator = 'anna'): Promise<Tab> {
    const tab = await context.newPage();
    await tab.goto(mesh.console + path);
    await tab.getByLabel('Your key').fill(keys[operator] ?? '');
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('heading', { level: 1 }).waitFor();
    await tab.getByRole('button', { name: 'Sign out' }).first().waitFor();
    return tab;
  }

  /** Look at a page in both schemes and narrow; return what axe finds in them. */
  async function shots(tab: Tab, name: string): Promise<string[]> {
    const found: string[] = [];
    for (const scheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme: scheme });
      found.push(...(await violations(tab.getByRole('heading', { level: 1 }))));
      await tab.screenshot({ path: `${SHOTS}console-${name}-${scheme}.png`, fullPage: true });
    }
    await tab.emulateMedia({ colorScheme: 'light' });
    await tab.setViewportSize(SIZES.narrow);
    found.push(...(await violations(tab.getByRole('heading', { level: 1 }))));
    await tab.screenshot({ path: `${SHOTS}console-${name}-narrow.png`, fullPage: true });
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) found.push('the page is wider than the window');
    await tab.setViewportSize(SIZES.light);
    return found;
  }

  async function confirm(tab: Tab, label: string): Promise<void> {
    const dialog = tab.getByRole('dialog');
    await dialog.getByRole('button', { name: `Yes: ${label.toLowerCase()}` }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  it('lets in only who has a key, and says why not', async () => {
    const tab = await context.newPage();
    await tab.goto(mesh.console);
    await tab.getByLabel('Your key').fill('kull_wrong');
    await tab.keyboard.press('Enter');
    await tab.getByRole('alert').getByText('is not valid here').waitFor();
    expect(await shots(tab, 'sign-in')).toEqual([]);

    await tab.getByLabel('Your key').fill(keys.anna ?? '');
    await tab.keyboard.press('Enter');
    await tab.getByRole('heading', { name: 'Overview' }).waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByLabel('Your key').waitFor();
  });

  it('shows routers, edges and curves, live', async () => {
    await device();
    const tab = await open();
    await tab.getByRole('rowheader', { name: /router/ }).waitFor();
    await tab
      .getByRole('listitem')
      .filter({ hasText: 'Sessions' })
      .getByText('1', { exact: true })
      .waitFor();
    for (let balance = 0; balance < 3; balance++) await credit(balance);
    await tab.waitForFunction(
      () => document.querySelectorAll('.sparkline polyline').length >= 6,
      undefined,
      { timeout: 20_000 },
    );
    await tab.getByRole('listitem').filter({ hasText: 'Dead letters' }).getByText(/^0$/).waitFor();

    expect(await shots(tab, 'overview')).toEqual([]);
  });

  it('finds a user by the keyboard alone, sends a test event and tells its story', async () => {
    const mac = await device();
    const tab = await open('/people');
    await tab.getByRole('searchbox').focus();
    await tab.keyboard.type(user);
    await tab.keyboard.press('Enter');
    await tab.getByRole('link', { name: user, exact: true }).focus();
    await tab.keyboard.press('Enter');
    await tab.getByRole('rowheader', { name: /'s Mac/ }).waitFor();

    await tab.getByRole('button', { name: 'Send a test event' }).focus();
    await tab.keyboard.press('Enter');
    await tab.getByRole('dialog').waitFor();
    await tab.keyboard.press('Escape');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
    expect(mac.events.filter(({ type }) => type === 'TEST')).toEqual([]);

    await tab.getByRole('button', { name: 'Send a test event' }).click();
    await confirm(tab, 'Send a test event');
    await tab.getByRole('status').getByText(/sent /).waitFor();
    await tab.getByRole('link', { name: 'TEST' }).waitFor();
    expect(await shots(tab, 'people')).toEqual([]);

    await tab.getByRole('link', { name: 'What becomes of it' }).click();
    await tab.getByText(/^stored as seq/).waitFor();
    const acknowledged = tab.getByText(/acknowledged by|acknowledged a moment ago/);
    const asked = async () => {
      await tab.getByRole('button', { name: 'Ask again' }).click();
      return acknowledged.count();
    };
    await expect.poll(asked, { timeout: 20_000, interval: 500 }).toBeGreaterThan(0);
    expect(await shots(tab, 'event')).toEqual([]);
  });

  it('signs a device out', async () => {
    const mac = await device();
    const tab = await open(`/people?user=${user}`);
    const row = tab.getByRole('row').filter({ hasText: "'s Mac" });
    await row.getByRole('button', { name: 'Sign out' }).click();
    await confirm(tab, 'Sign out');

    expect(await mac.closed).toBe(4507);
    await tab.getByText('No device is known.').waitFor();
    await tab.getByRole('link', { name: 'Actions' }).click();
    const action = tab.getByRole('row').filter({ hasText: `${user}, device mac` });
    await action.getByText('sign out device').waitFor();
    await action.getByText(/^key:.* \(anna\)$/).waitFor();
    expect(await shots(tab, 'actions')).toEqual([]);
  });

  it('publishes a dead letter again, and discards one', async () => {
    const mac = await device();
    const data = { userId: user, newBalance: 7, change: 7, reason: 'Gift' };
    const id = `dead-${user}`;
    await mesh.python(
      BURY,
      ...[id, 'a fault of the router', JSON.stringify({ id, type: 'CREDIT_UPDATE', data })],
    );
    await mesh.python(BURY, `bad-${user}`, 'body: it is no JSON', 'no event at all');
    const tab = await open('/trouble');
    const row = tab.getByRole('row').filter({ hasText: id });
    await row.getByText('a fault of the router').waitFor();
    await row.getByText('Show').click();
    await row.getByText('"newBalance":7').waitFor();
    expect(await shots(tab, 'trouble')).toEqual([]);

    await row.getByRole('checkbox').check();
    await tab.getByRole('button', { name: 'Publish again' }).click();
    await confirm(tab, 'Publish again');
    await tab.getByRole('status').getByText('1 published again').waitFor();
    await expect.poll(() => mac.events.map((each) => each.id), { timeout: 20_000 }).toContain(id);
    await row.waitFor({ state: 'detached' });

    await tab
      .getByRole('row')
      .filter({ hasText: `bad-${user}` })
      .getByRole('checkbox')
      .check();
    await tab.getByRole('button', { name: 'Discard' }).click();
    await confirm(tab, 'Discard');
    await tab.getByRole('status').getByText('1 discarded').waitFor();
  });

  it('shows who is in a room', async () => {
    await device('mac', [`shoot-${user}`]);
    await device('phone', [`shoot-${user}`]);
    const tab = await open('/rooms');
    await tab.getByRole('link', { name: `shoot-${user}` }).click();
    await tab.getByText('2 sessions').waitFor();
    expect(await tab.getByRole('rowheader', { name: user }).count()).toBe(2);
    expect(await shots(tab, 'rooms')).toEqual([]);
  });

  it('offers nothing to do to who may only look', async () => {
    await device();
    await mesh.python(BURY, `kept-${user}`, 'body: it is no JSON', 'secret');
    const tab = await open(`/people?user=${user}`, 'rita');
    await tab.getByRole('rowheader', { name: /'s Mac/ }).waitFor();
    for (const name of ['Forget', 'Disconnect', 'Revoke all tokens', 'Send a test event']) {
      expect(await tab.getByRole('button', { name }).count()).toBe(0);
    }
    await tab.getByRole('link', { name: /Trouble/ }).click();
    const row = tab.getByRole('row').filter({ hasText: `kept-${user}` });
    await row.getByText('for console:act').waitFor();
    expect(await tab.getByText('secret', { exact: true }).count()).toBe(0);
    expect(await tab.getByRole('button', { name: 'Discard' }).count()).toBe(0);
  });
});
