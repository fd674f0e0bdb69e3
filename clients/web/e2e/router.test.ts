/** A router that is killed, as its users see it. Needs RabbitMQ, which outlives the router. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launch, Page } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import type { show } from './indicator.tsx';
import { Processes } from './processes.ts';

interface Shown {
  kull: { show: typeof show };
  shown: ReturnType<typeof show>;
}

const WAIT = { timeout: 30_000, interval: 50 };
let mesh: Processes;
let browser: Browser;
let page: Page;

describe.skipIf(!chromiumPath)('a router that is killed', () => {
  beforeAll(async () => {
    mesh = new Processes();
    [page, browser] = await Promise.all([Page.serve('e2e/indicator.tsx'), launch(), mesh.start()]);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([page?.close(), mesh?.stop()]);
  });

  it('leaves the indicator green and every WebSocket open, and nothing is lost', async () => {
    const tab = await browser.newPage();
    const sockets: string[] = [];
    tab.on('websocket', (socket) => sockets.push(socket.url()));
    await tab.goto(page.url);
    const options = { url: mesh.edge, token: await mesh.run('token', '--user', 'maya') };
    await tab.evaluate((given) => {
      const own = window as unknown as Shown;
      own.shown = own.kull.show(given);
    }, options);
    const shown = () => tab.evaluate(() => (window as unknown as Shown).shown);
    const credit = (balance: number) =>
      mesh.run(
        ...['send', 'credit-update', '--user', 'maya', '--reason', 'test', '--change', '1'],
        ...['--new-balance', String(balance)],
      );
    const balances = (wanted: number[]) =>
      vi.waitFor(async () => expect((await shown()).balances).toEqual(wanted), WAIT);
    await vi.waitFor(async () => expect((await shown()).colours.at(-1)).toBe('green'), WAIT);
    await credit(1);
    await balances([1]);

    await mesh.killRouter();
    await credit(2); // RabbitMQ keeps it
    expect((await shown()).balances).toEqual([1]);
    mesh.startRouter();

    await balances([1, 2]);
    expect((await shown()).colours).toEqual(['yellow', 'green']);
    expect(sockets.length).toBe(1);
  }, 120_000);
});
