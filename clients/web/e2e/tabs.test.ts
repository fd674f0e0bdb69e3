/** One connection per browser, in a real one, on a real mesh. */

import type { SyncClient } from '@kull/sync';
import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { launch, Page } from './browser.ts';
import { chromiumPath } from './browsers.ts';
import { Kull } from './kull.ts';

declare global {
  interface Window {
    kull: typeof import('@kull/sync');
    client: SyncClient;
    credits: number[];
    types: string[];
  }
}

const WAIT = { timeout: 20_000, interval: 20 };
let kull: Kull;
let page: Page;
let browser: Browser;
let context: BrowserContext;

async function load(tab: Tab, token: string, options: object): Promise<void> {
  await tab.goto(page.url);
  await tab.evaluate(
    ({ url, token, options }) => {
      window.credits = [];
      window.types = [];
      window.client = new window.kull.SyncClient({ url, token, random: () => 0.1, ...options });
      window.client.on('event', (event) => {
        window.types.push(event.type);
        if (event.type === 'CREDIT_UPDATE') window.credits.push(event.data.newBalance);
      });
      window.client.connect();
    },
    { url: kull.edges, token, options },
  );
}

async function open(token: string, options = {}): Promise<Tab> {
  const tab = await context.newPage();
  await load(tab, token, options);
  await until(async () => (await stateOf(tab)) === 'connected');
  return tab;
}

const until = (condition: () => Promise<unknown>) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), WAIT);
const stateOf = (tab: Tab) => tab.evaluate(() => window.client.state.name);
const creditsOf = (tab: Tab) => tab.evaluate(() => window.credits);
const deviceOf = (tab: Tab) => tab.evaluate(() => window.client.deviceId);

async function sessions(): Promise<number> {
  const answer = await fetch(`${kull.http}/api/sync/status`);
  return ((await answer.json()) as { sessions: number }).sessions;
}

/** Which tab holds the connection, and with it the lock. */
async function leaderOf(tabs: Tab[]): Promise<Tab> {
  for (const tab of tabs) {
    const leads = await tab.evaluate(() => {
      const own = String(Math.random());
      return navigator.locks.request(own, async () => {
        const { held = [] } = await navigator.locks.query();
        const id = held.find((lock) => lock.name === own)?.clientId;
        return held.some((lock) => lock.name?.startsWith('kull-sync') && lock.clientId === id);
      });
    });
    if (leads) return tab;
  }
  throw new Error('no tab leads');
}

describe.skipIf(!chromiumPath)('one connection per browser', () => {
  beforeAll(async () => {
    [kull, page, browser] = await Promise.all([
      new Kull().start('--edges', '2'),
      Page.serve(),
      launch(),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([page?.close(), kull?.stop()]);
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(() => context.close());

  describe('ten tabs', () => {
    it('are one connection, and all see every event once', async () => {
      await until(async () => (await sessions()) === 0);
      const tabs = await Promise.all(Array.from({ length: 10 }, () => open('maya')));
      for (const balance of [1, 2, 3]) await kull.credit('maya', balance);

      for (const tab of tabs) await until(async () => (await creditsOf(tab)).length === 3);
      for (const tab of tabs) expect(await creditsOf(tab)).toEqual([1, 2, 3]);
      expect(await sessions()).toBe(1);
      expect(new Set(await Promise.all(tabs.map(deviceOf))).size).toBe(1);
    });

    it('go on within a second each time the leader closes, and nothing is lost', async () => {
      let tabs = await Promise.all(Array.from({ length: 4 }, () => open('nina')));
      await kull.credit('nina', 1);
      for (const tab of tabs) await until(async () => (await creditsOf(tab)).length === 1);

      const sending = (async () => {
        for (let balance = 2; balance <= 100; balance++) await kull.credit('nina', balance);
      })();
      const took: number[] = [];
      while (tabs.length > 1) {
        const leader = await leaderOf(tabs);
        const device = await deviceOf(leader);
        tabs = tabs.filter((tab) => tab !== leader);
        const began = Date.now();
        await leader.close();
        await until(async () => (await deviceOf(tabs[0] as Tab)) !== device);
        took.push(Date.now() - began);
      }
      await sending;

      const all = Array.from({ length: 100 }, (_, index) => index + 1);
      const last = tabs[0] as Tab;
      await until(async () => (await creditsOf(last)).length >= 100);
      expect(await creditsOf(last)).toEqual(all);
      console.log(`another tab was connected ${took} ms after the leader began to close`);
      expect(took.sort((x, y) => x - y)[1], 'the median, in ms').toBeLessThan(1_000);
    });

    it('log out together, and leave nothing behind', async () => {
      const tabs = await Promise.all([open('olga'), open('olga')]);
      await kull.credit('olga', 5);
      for (const tab of tabs) await until(async () => (await creditsOf(tab)).length === 1);
      await tabs[0]?.evaluate(() => window.client.logout());

      for (const tab of tabs) await until(async () => (await stateOf(tab)) === 'disconnected');
      await load(tabs[0] as Tab, 'olga', {});
      await until(async () => (await stateOf(tabs[0] as Tab)) === 'connected');
      expect(await tabs[0]?.evaluate(() => window.client.credits)).toBeUndefined();
    });

    it('call the token function once', async () => {
      const tabs = await Promise.all(Array.from({ length: 4 }, () => context.newPage()));
      const calls: string[] = [];
      await context.exposeFunction('fetchToken', (tab: string) => {
        calls.push(tab);
        return 'vera';
      });
      for (const tab of tabs) {
        await tab.goto(page.url);
        await tab.evaluate((url) => {
          const fetchToken = (window as unknown as { fetchToken: (tab: string) => string })
            .fetchToken;
          window.client = new window.kull.SyncClient({
            url,
            user: 'vera',
            token: () => fetchToken(''),
          });
          window.client.connect();
        }, kull.edges);
      }
      for (const tab of tabs) await until(async () => (await stateOf(tab)) === 'connected');

      expect(calls.length).toBe(1);
    });
  });

  describe('a tab', () => {
    it('of another user has its own connection', async () => {
      const [maya, otto] = [await open('maya2'), await open('otto2')];
      await kull.credit('maya2', 1);
      await until(async () => (await creditsOf(maya)).length === 1);

      expect(await creditsOf(otto)).toEqual([]);
      expect(await deviceOf(maya)).not.toBe(await deviceOf(otto));
    });

    it('has its own connection if it wants', async () => {
      await until(async () => (await sessions()) === 0);
      await Promise.all([open('kim', { share: false }), open('kim', { share: false })]);

      expect(await sessions()).toBe(2);
    });

    it('that does not lead reports progress through the one that does', async () => {
      const tabs = await Promise.all([open('lisa'), open('lisa')]);
      const other = await context.browser()?.newContext();
      const device = (await other?.newPage()) as Tab;
      await load(device, 'lisa', {});
      await until(async () => (await stateOf(device)) === 'connected');
      const leader = await leaderOf(tabs);
      const follower = tabs.find((tab) => tab !== leader) as Tab;
      const progress = { shootId: 's', processedCount: 3, totalCount: 9, provider: 'Local' };
      await follower.evaluate(
        (data) => window.client.updateProgress({ ...data, status: 'processing' }),
        progress,
      );

      const seen = (tab: Tab) => tab.evaluate(() => window.client.shoot('s')?.processedCount);
      for (const tab of [...tabs, device]) await until(async () => (await seen(tab)) === 3);
      const refused = follower.evaluate(
        (data) =>
          window.client.updateProgress({ ...data, processedCount: 10, status: 'processing' }),
        progress,
      );
      await expect(refused).rejects.toThrow(/processedCount/);
      await other?.close();
    });

    it('that is reloaded shows the right numbers at once, and misses nothing', async () => {
      const tab = await open('hugo');
      await kull.progress('hugo', { processedCount: 40 });
      await kull.credit('hugo', 7);
      // What is stored is what a reload goes on from; that happens before it is acknowledged.
      await until(() =>
        tab.evaluate(async (url) => {
          const saved = await window.kull.indexedDbStore().load(`${url} hugo`);
          return saved?.snapshot.credits;
        }, kull.edges[0]),
      );
      await tab.goto('about:blank');
      await kull.credit('hugo', 8);
      await load(tab, 'hugo', {});

      await until(async () => (await creditsOf(tab)).length > 0);
      expect(await creditsOf(tab), 'not the first one again').toEqual([8]);
      expect(await tab.evaluate(() => window.client.shoot('s')?.processedCount)).toBe(40);
    });

    it('that comes back from the back/forward cache is told what passed it by', async () => {
      const [away, other] = [await open('iris'), await open('iris')];
      await kull.credit('iris', 1);
      for (const tab of [away, other]) await until(async () => (await creditsOf(tab)).length === 1);
      // What the browser does before and after a page sits in that cache.
      await away.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide')));
      await kull.credit('iris', 2);
      await until(async () => (await creditsOf(other)).length === 2);
      await away.evaluate(() =>
        window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
      );

      await until(() => away.evaluate(() => window.types.includes('RECOVERY_LOST')));
      expect(await away.evaluate(() => window.client.credits?.newBalance)).toBe(2);
      await kull.credit('iris', 3);
      await until(async () => (await creditsOf(away)).includes(3));
    });
  });
});
