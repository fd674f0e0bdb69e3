/** The SDK in Firefox as Debian ships it, over WebDriver BiDi, on a real mesh. */

import type { SyncClient } from '@kull/sync';
import { type Browser, launch, type Page as Tab } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Page } from './browser.ts';
import { firefoxPath } from './browsers.ts';
import { Kull } from './kull.ts';

declare global {
  interface Window {
    kull: typeof import('@kull/sync');
    client: SyncClient;
    credits: number[];
  }
}

const WAIT = { timeout: 20_000, interval: 50 };
const until = (condition: () => Promise<unknown>) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), WAIT);

let kull: Kull;
let page: Page;
let browser: Browser;

async function load(tab: Tab, user: string): Promise<Tab> {
  await tab.goto(page.url);
  await tab.evaluate(
    (url, token) => {
      window.credits = [];
      window.client = new window.kull.SyncClient({ url, token });
      window.client.on('CREDIT_UPDATE', ({ data }) => void window.credits.push(data.newBalance));
      window.client.connect();
    },
    kull.edges,
    user,
  );
  await until(() => tab.evaluate(() => window.client.state.name === 'connected'));
  return tab;
}

const open = async (user: string) => load(await browser.newPage(), user);
const creditsOf = (tab: Tab) => tab.evaluate(() => window.credits);
const deviceOf = (tab: Tab) => tab.evaluate(() => window.client.deviceId);

async function sessions(): Promise<number> {
  const answer = await fetch(`${kull.http}/api/sync/status`);
  return ((await answer.json()) as { sessions: number }).sessions;
}

describe.skipIf(!firefoxPath)('in Firefox', () => {
  beforeAll(async () => {
    [kull, page, browser] = await Promise.all([
      new Kull().start('--edges', '2'),
      Page.serve(),
      launch({ browser: 'firefox', executablePath: firefoxPath, headless: true }),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([page?.close(), kull?.stop()]);
  });

  it('a tab gets every event, and after a reload what it missed, with the right numbers', async () => {
    const tab = await open('fay');
    await kull.progress('fay', { processedCount: 40 });
    await kull.credit('fay', 7);
    await until(async () => (await creditsOf(tab)).length === 1);
    // What is stored is what a reload goes on from; that happens before it is acknowledged.
    await until(() =>
      tab.evaluate(async (url) => {
        const saved = await window.kull.indexedDbStore().load(`${url} fay`);
        return saved?.snapshot.credits;
      }, kull.edges[0]),
    );
    await tab.goto('about:blank');
    await kull.credit('fay', 8);
    await load(tab, 'fay');

    await until(async () => (await creditsOf(tab)).length > 0);
    expect(await creditsOf(tab), 'not the first one again').toEqual([8]);
    expect(await tab.evaluate(() => window.client.shoot('s')?.processedCount)).toBe(40);
    await tab.close();
  });

  it('two tabs are one connection, and the second goes on when the first closes', async () => {
    await until(async () => (await sessions()) === 0);
    const [first, second] = [await open('finn'), await open('finn')];
    const device = await deviceOf(first);
    expect(await deviceOf(second)).toBe(device);
    expect(await sessions()).toBe(1);
    await kull.credit('finn', 1);
    for (const tab of [first, second]) {
      await until(async () => (await creditsOf(tab)).length === 1);
    }

    await first.close();
    await until(async () => (await deviceOf(second)) !== device);
    await kull.credit('finn', 2);
    await until(async () => (await creditsOf(second)).length === 2);
    expect(await creditsOf(second)).toEqual([1, 2]);
  });
});
